"""Questions of turns that may be answered from what was answered before, and what the model was called for."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.agents.configuration import AgentConfiguration, Retrieval
from shared.cell import Cell
from shared.contracts.results import Result
from shared.knowledge.search import Passage
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.executing import Slot
from tests.support.turning import rows
from tests.support.walking import job, submit
from workers.outcomes import Done, Outcome
from workers.run.context import Context
from workers.turns.retrieval import retrieve

KEY_OF_THE_MODEL = "sk-test-key"

QUESTION = "Where does the red lift go?"

BOTH, WORDS = Retrieval(), Retrieval(by="words")

HITS = (
    "SELECT kind, model, provider, input_tokens, drawn_nano FROM tenant.steps WHERE from_cache ORDER BY ended_at, kind"
)


class Caller:
    """Has rooms run, each as a turn of its tenant."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self._keys = cell, dict[str, str]()
        self._room: Callable[[Context], Outcome] = lambda _: Done(Result())
        self._slot = Slot(cell, lambda context, _: self._room(context), lane="turns.pro")

    def run(self, room: Callable[[Context], Any], tenant: str = "acme") -> Any:
        """What the room answers."""
        answers: list[Any] = []

        def act(context: Context) -> Outcome:
            answers.append(room(context))
            return Done(Result())

        turn = self.submit(tenant)
        self.serve(act)
        ended = job(self.cell, tenant, turn)
        assert ended["state"] == "done", ended["error"]
        return answers.pop()

    def submit(self, tenant: str = "acme") -> str:
        if tenant not in self._keys:
            self._keys[tenant] = make_tenant(self.cell, tenant).secret
        return submit(self.cell, "agent.turn", {"conversation": "c", "message": "hello"}, self._keys[tenant])

    def serve(self, room: Callable[[Context], Outcome]) -> None:
        """Run the job whose turn it is."""
        self._room = room
        assert self._slot.serve()

    def find(self, query: str = QUESTION, strategy: Retrieval = BOTH, tenant: str = "acme") -> list[str]:
        """The texts found."""
        agent = AgentConfiguration(model="rehearsal-1", retrieval=strategy)
        found: list[Passage] = self.run(lambda context: retrieve(context, "0.tool.0", agent, query), tenant)
        return [passage.text for passage in found]

    def hits(self, tenant: str = "acme") -> Sequence[tuple[Any, ...]]:
        return [tuple(row.values()) for row in rows(self.cell, tenant, HITS)]


def calls(model: Rehearsal) -> int:
    return model.total(KEY_OF_THE_MODEL).calls

"""Answers that are kept, turn by turn: whose they are, and that what a turn does is done each time."""

from typing import Any

import pytest

from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from tests.support.caching import calls
from tests.support.cells import make_tenant
from tests.support.turning import Slot, configure, rows, says, wants
from tests.support.walking import job, submit


class Asking:
    """Tenants whose agents keep answers, each asked the same question in a new conversation."""

    def __init__(self, cell: Cell, **told: Any) -> None:
        self.cell, self._slot, self._told, self._asked = cell, Slot(cell), told, 0
        self._keys = dict[str, str]()

    def ask(self, *, tenant: str = "acme", **more: Any) -> dict[str, Any]:
        """The result."""
        if tenant not in self._keys:
            self._keys[tenant] = make_tenant(self.cell, tenant).secret
            configure(self.cell, tenant, cache_seconds=60, **self._told)
        self._asked += 1
        asked = {"conversation": f"c-{self._asked}", "message": "What is my plan?", "userIdentifier": "ann"} | more
        turn = submit(self.cell, "agent.turn", asked, self._keys[tenant])
        self._slot.serve()
        result: dict[str, Any] = job(self.cell, tenant, turn)["result"]
        return result


@pytest.fixture
def asking(speaking_cell: Cell) -> Asking:
    return Asking(speaking_cell, tools=[])


def test_the_same_question_is_answered_anew_for_another_tenant_user_or_context(
    asking: Asking, model: Rehearsal
) -> None:
    def answered(text: str, **asked: Any) -> None:
        model.settings(script=[says(text)])
        assert asking.ask(**asked)["answer"] == text

    answered("Iron.", userContext={"plan": "iron"})
    answered("Gold.", userContext={"plan": "gold"})
    answered("Bob's.", userContext={"plan": "iron"}, userIdentifier="bob")
    answered("Nobody's.", userContext={"plan": "iron"}, userIdentifier=None)
    answered("Of globex.", userContext={"plan": "iron"}, tenant="globex")
    model.settings(script=[says("Not asked.")])
    assert asking.ask(userContext={"plan": "iron"})["answer"] == "Iron."
    assert calls(model) == 5


def test_a_conversation_is_handed_off_each_time_though_the_model_said_so_once(
    speaking_cell: Cell, model: Rehearsal
) -> None:
    asking = Asking(speaking_cell, tools=["handoff"], handoff_message="A colleague comes.")
    model.settings(script=[wants(("handoff", {"reason": "a plan"}))])
    for _ in range(2):
        result = asking.ask()
        assert (result["outcome"], result["answer"]) == ("handed_off", "A colleague comes.")
    waiting = rows(speaking_cell, "acme", "SELECT state, handoff_reason FROM tenant.conversations")
    assert [tuple(row.values()) for row in waiting] == [("handed_off", "a plan")] * 2
    assert calls(model) == 1

"""What is left of a story when all its turns were struck, each once, and others have finished them."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.log import Served
from shared.rehearsal.settings import RehearsalSettings
from tests.faults.bill import reconcile, unrecorded
from tests.support import billing, cells
from tests.support.beyond import Beyond
from tests.support.stories import AFTER, BACKUP, BACKUP_KEY, Story
from tests.support.striking import LANES, TENANT, Striking, Turn
from tests.support.turning import MODEL, steps_of
from tests.support.walking import job
from tests.support.workers import eventually, workers

#: What is on a bill: tokens by call, meter and status.
Bill = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True)
class Aftermath:
    """`points`: those that a turn comes to which nothing strikes; `bill`: before it was reconciled."""

    striking: Striking
    points: Sequence[str]
    turns: Sequence[Turn]
    bill: Bill
    requests: Sequence[Mapping[str, Any]]

    @property
    def cell(self) -> Cell:
        return self.striking.cell

    @property
    def story(self) -> Story:
        return self.striking.story

    def calls(self, turn: Turn) -> Sequence[Served]:
        return self.striking.served(turn.job)

    def asked(self, turn: Turn) -> Sequence[str]:
        """What the model was sent in this turn, in order."""
        asked = [request for request in self.requests if request["model"] == MODEL]
        return [text for text in map(json.dumps, asked) if f"{turn.word}: what grows" in text]

    def refused(self, turn: Turn) -> Sequence[str]:
        """The tools that it was refused, in order."""
        refused: Sequence[str] = job(self.cell, TENANT, turn.job)["result"].get("refused", [])
        return refused

    def answered(self, turn: Turn) -> Mapping[str, str]:
        """The call that answered each place, when all was over."""
        steps = [step for step in steps_of(self.cell, TENANT, turn.job) if step["outcome"] is not None]
        assert len(steps) == len({step["place"] for step in steps}), f"{turn}: a place was answered twice"
        return {step["place"]: step["call_id"] for step in steps}


@contextmanager
def aftermath(story: Story, servers: Servers, model: Rehearsal) -> Iterator[Aftermath]:
    """Strike the turns of this story, each once, and let workers finish them."""
    model.settings(**RehearsalSettings().model_dump(mode="json"))
    model.clear()
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), **settings(model)) as cell,
        Beyond().there() as beyond,
    ):
        striking = Striking(story, cell, model, beyond, Path(home))
        points = striking.points()
        struck = [nth for nth, point in enumerate(points, start=1) if point in story.points]
        turns = [striking.at(nth) for nth in struck[:: story.stride]]
        turns += [striking.inside(nth) for nth in range(len(story.inside))]
        striking.set_up(AFTER)
        with workers(cell, LANES):
            eventually(lambda: striking.over(turns), "all turns are over")
            eventually(lambda: unrecorded(cell) == 0, "every draw is on a bill")
            bill = on_bill(cell)
            eventually(lambda: reconcile(cell), "the bill is reconciled")
            yield Aftermath(striking, points, turns, bill, [json.loads(body) for body in model.requests()])


def settings(model: Rehearsal) -> Mapping[str, Any]:
    """The model's books are those of a second provider too, and tools may reach this machine."""
    backup = {"base_url": model.url, "api_key": BACKUP_KEY, "call_log_url": model.url}
    books = {"call_log_url": model.url, "call_log_grace_seconds": 0}
    return {"OPENAI_BASE_URL": model.url, "providers": {BACKUP: backup}, "tool_networks": ["127.0.0.0/8"]} | books


def on_bill(cell: Cell) -> Bill:
    return {key: quantity for key, (quantity, _) in billing.on_bill(cell).items()}


def drawn(served: Served) -> Bill:
    """A served call, as it should be on the bill."""
    tokens = {"tokens.input": served.input_tokens, "tokens.output": served.output_tokens}
    return {(str(served.request_id), meter, "billed"): many for meter, many in tokens.items() if many}


def place(call: Served) -> str:
    """Where in its turn a call was made (`job/place/run/n`)."""
    return str(call.request_id).partition("/")[2].rsplit("/", 2)[0]

"""Turns that tell what they do, and those who hear it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from redis import Redis

from shared.cell import Cell
from shared.contracts.events import TurnEvent
from shared.rehearsal.client import Rehearsal
from shared.streams.heard import Heard
from shared.streams.keys import stream_key
from shared.streams.reader import BEGINNING, Reader
from tests.support import cells
from tests.support.turning import Slot, configure, says, wants
from tests.support.walking import submit

ASKED = {"conversation": "c-1", "message": "What grows?", "userIdentifier": "miller", "stream": True}

ANSWER = "Barley grows below the mill, and flax beside the loom. " * 4

TURN = (wants(("remember", {"name": "barley", "content": "grows"})), says(ANSWER))


class Turns:
    """A tenant whose agent may remember; what its turns tell."""

    def __init__(self, cell: Cell, model: Rehearsal) -> None:
        self.cell, self.key = cell, cells.make_tenant(cell, "acme").secret
        configure(cell, "acme", tools=["remember"], prompt="Answer.")
        model.settings(script=TURN)
        self.reader = Reader(cell.stream_url)

    def submit(self, **more: Any) -> str:
        return submit(self.cell, "agent.turn", ASKED | more, self.key)

    def run(self, **more: Any) -> str:
        """The id of a turn that has been run."""
        asked = self.submit(**more)
        Slot(self.cell).serve()
        return asked

    def told(self, asked: str, after: str = BEGINNING) -> Sequence[TurnEvent]:
        return self.reader.read(stream_key("acme", UUID(asked)), after, 0)[0]


def heard(events: Sequence[TurnEvent]) -> Heard:
    made = Heard()
    for event in events:
        made.take(event)
    return made


def streams(cell: Cell) -> Redis:
    return Redis.from_url(cell.stream_url)

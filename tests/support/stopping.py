"""Turns that are told to stop inside a call: in this process, by a slot whose heart beats when it is told to."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.ledger import cancel
from tests.support.executing import Slot
from tests.support.stories import Inside
from tests.support.striking import LANE, TENANT, Striking, Turn
from tests.support.waiting import PATIENCE, eventually
from tests.support.walking import job
from workers.network import bounds
from workers.run.context import Context
from workers.turns import attempts
from workers.turns.tools.mcp import listings
from workers.turns.turn import turn

#: Seconds that a run has left until it is late.
LEFT = 300.0


#: Seconds between two looks of a call at whether it must end: shorter than in life, for there are many here.
SLICE = 0.05


class Stopping:
    """Of one story."""

    def __init__(self, striking: Striking, patch: pytest.MonkeyPatch) -> None:
        self._striking, self._cell = striking, striking.cell
        self._slot, self._left = Slot(striking.cell, turn, lane=LANE), LEFT
        patch.setattr(Context, "seconds_left", property(lambda _: self._left))
        for waiting in (bounds, attempts):
            patch.setattr(waiting, "SLICE", SLICE)

    def inside(self, call: Inside, word: str, stop: "Callable[[Stopping, str], None]") -> Turn:
        """A turn that is stopped in this way inside this call, as it stands then; after that it goes on to its end."""
        listings.forget()
        number = self._striking.begin_for(call, word)
        running = threading.Thread(target=self._slot.serve)
        running.start()
        eventually(lambda: self._beats() and self._striking.under_way(call, number), f"{call.name} is under way")
        stop(self, number)
        running.join(PATIENCE)
        assert not running.is_alive(), f"{call.name} went on"
        self._striking.beyond.let_go()
        self._slot.handing_back.clear()
        self._left = LEFT
        stopped = self._striking.struck(word, number, f"{stop.__name__} inside {call.name}", loses=call.loses)
        self._striking.model.settings(faults=(), seconds_per_token=0.0)
        eventually(lambda: self._is_over(number), f"{stopped} is over")
        return stopped

    def _is_over(self, number: str) -> bool:
        if job(self._cell, TENANT, number)["finished_at"] is None:
            self._cell.gate.sweep("w")
            self._slot.serve()
        return job(self._cell, TENANT, number)["finished_at"] is not None

    def _beats(self) -> bool:
        self._slot.heartbeat.renew()
        return True

    # --- ways to be stopped ---------------------------------------------------

    def cancelled(self, number: str) -> None:
        """Somebody cancels the turn, and its worker's next beat says so."""
        _cancel(self._cell, UUID(number))
        self._beats()

    def late(self, _: str) -> None:
        """The run has taken longer than it may."""
        self._left = -1.0

    def handed_back(self, _: str) -> None:
        """The worker is to end."""
        self._slot.handing_back.set()

    def lost(self, _: str) -> None:
        """The worker has not beaten for so long that the lease is not its own any more."""
        for lease in self._slot.heartbeat.held():
            self._slot.heartbeat.drop(lease)


def _cancel(cell: Cell, number: UUID) -> None:
    with cell.database.transaction(TENANT) as connection:
        cancel.cancel(connection, TENANT, number)
    cell.permits.publish(cell.gate.cancel(number))

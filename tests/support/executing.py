"""A worker's slot in the test's own process: it takes what the gate gives it, and the test says what its room does."""

import threading
from collections.abc import Callable
from typing import Any

from shared.cell import Cell
from shared.contracts.results import Result
from tests.support.cells import LEASE
from tests.support.rebuilding import LANE
from workers.lease import Heartbeat
from workers.outcomes import Outcome
from workers.run.context import Context
from workers.run.execution import Executor

Room = Callable[[Context, Any], Outcome]


class Anything(Result, extra="allow"):
    """Whatever a test wants to see."""


class Slot:
    """One job per call of `serve`. Its heart beats only when the test says so."""

    def __init__(self, cell: Cell, room: Room, *, lane: str = LANE) -> None:
        self.heartbeat = Heartbeat(cell.gate, "w", [lane], lease_seconds=LEASE, slots=1)
        self._lane, self._stopping, self.handing_back = lane, threading.Event(), threading.Event()
        self._executor = Executor(
            cell,
            lambda _: room,
            self.heartbeat,
            worker="w",
            lanes=[lane],
            run_on_seconds=0.0,
            stopping=self._stopping,
            handing_back=self.handing_back,
        )

    def serve(self) -> bool:
        """Run the job whose turn it is; False where there is none."""
        return self._executor.serve(self._lane) == 1

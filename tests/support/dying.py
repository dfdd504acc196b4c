"""A slot in a process of its own, which dies where a test says. It runs one job, without Celery and without upkeep.

So a test knows which job a death strikes, and a job that was struck is left alone until somebody sweeps the gate.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from shared import failpoints
from shared.cell import Cell
from shared.failpoints import Point
from shared.settings import Settings
from tests.support.warm import Child, shared_parent
from workers.host import Host

#: Of a slot that nothing strikes.
NEVER = 0


def strike_at(nth: int, told: str) -> None:
    """A hook: write down each point that is reached, and die as of kill -9 at the `nth`, whichever it is."""
    reached = count(1)

    def strike(here: Point) -> None:
        with Path(told).open("a") as words:
            words.write(f"{here}\n")
        if next(reached) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.listen(strike)


def slot(cell: Cell, lane: str, told: Path, *, dies_at: int = NEVER) -> Child:
    """A slot that takes the job whose turn it is in this lane. `told`: where it writes the points that it reaches."""
    hook = ("tests.support.dying:strike_at", {"nth": dies_at, "told": str(told)})
    return shared_parent().fork(["slot", lane], cell.settings, [hook])


def ended(child: Child) -> int:
    """Waits for its end; answers its exit code, or below zero the signal that ended it."""
    return shared_parent().ended(child)


def serve_one() -> None:
    """The program (`slot LANE`)."""
    cell, lane = Cell(Settings()), sys.argv[1]
    host = Host(cell, f"slot-{os.getpid()}", [lane], slots=None, run_on_seconds=0.0)
    host.start()
    host.serve(lane)
    host.close()
    cell.close()

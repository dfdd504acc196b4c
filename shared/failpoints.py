"""Named points between two operations of a job's life, at which a test may strike the process that reaches them.

In production nobody listens and `reach` does nothing. No setting and no environment variable can change that: only code
that runs in the same process can listen, and only the fault matrix has such code (`tests/faults`).
"""

from collections.abc import Callable
from typing import Literal

#: In order: leased, not yet started in the ledger; started, before the first step; an intent is committed, its
#: reservation not made; that made, the call not; the answer is here, not yet in the journal; it is there, not yet
#: settled; settled; a tool has acted, what came of it is not yet in the journal; the job's end is committed, the gate
#: not told; the gate told (and perhaps another job claimed in the same breath), nothing done with its answer.
Point = Literal[
    "after_claim",
    "after_start",
    "after_intent",
    "after_reserve",
    "after_call",
    "after_outcome",
    "after_settle",
    "after_tool",
    "after_finish",
    "after_release",
]

_listener: Callable[[Point], None] | None = None


def reach(point: Point) -> None:
    """This process is at this point of some job."""
    if _listener is not None:
        _listener(point)


def listen(listener: Callable[[Point], None] | None) -> None:
    """For tests: call this at every point that this process, and children it forks, reach from now on."""
    global _listener  # noqa: PLW0603 - a process is what is struck, so a process is what listens
    _listener = listener

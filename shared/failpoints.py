"""Named points between two operations of a job's life, at which a test may strike the process that reaches them.

In production nobody listens and `reach` does nothing. No setting and no environment variable can change that: only code
that runs in the same process can listen, and only the fault matrix has such code (`tests/faults`).
"""

from collections.abc import Callable
from typing import Literal

#: Between a claim and the start in the ledger; the start and the first step; an intent and its reservation; that and
#: the call; the answer and its outcome in the journal; that and the settling; the end in the ledger and the release; the
#: release (which may have claimed the next job) and whatever its caller does with the gate's answer.
Point = Literal[
    "after_claim",
    "after_start",
    "after_intent",
    "after_reserve",
    "after_call",
    "after_outcome",
    "after_settle",
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

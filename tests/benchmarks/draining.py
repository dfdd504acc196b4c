"""Many turns at once: accepted before the first may start, then run to the end of the last."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from shared.cell import Cell
from shared.gate.view import LaneSeen, view
from shared.rehearsal.client import Rehearsal
from tests.benchmarks.groups import Groups, Spent
from tests.benchmarks.stage import LOOK
from tests.benchmarks.turning import LANE, Turns


@dataclass(frozen=True)
class Drained:
    """`ended`: seconds since 1970, in order. `again`: turns whose first run failed.

    `running`: how many were, while others waited, look by look. `spent` by all processes; `worker_mb`: of all workers,
    at most.
    """

    ended: Sequence[float]
    again: int
    running: Sequence[int]
    spent: Spent
    worker_mb: float


def drained(cell: Cell, model: Rehearsal, turns: Turns, groups: Groups, number: int) -> Drained:
    """Each turn is answered; where no run failed it asked the model once, and the model's own log is the witness."""
    model.clear()
    with ExitStack() as stack:
        with turns.held_back():
            source = turns.ask(number)
            spent = stack.enter_context(groups.spent())  # none has started yet, and it takes a while to let all go
        looks = [(time.time(), lane, groups.worker_mb()) for lane in _until_empty(cell)]
        ended = turns.ended(source)
    served = sum(total.calls for total in model.totals().values())
    assert ended.again or served == len(ended.at), f"{len(ended.at)} turns made {served} calls"
    running = [lane.running for at, lane, _ in looks if lane.waiting and at >= ended.at[0]]
    return Drained(ended.at, ended.again, running, spent, max(memory for _, _, memory in looks))


def per_second(ended: Sequence[float], at_once: int) -> float:
    """Of what ended while `at_once` were kept busy: from the last of the first wave to the last but one wave's last."""
    steady = ended[at_once - 1 : -at_once]
    if len(steady) < at_once:
        raise AssertionError(f"{len(ended)} are too few to tell the rate of {at_once} at once: ask for more")
    return (len(steady) - 1) / (steady[-1] - steady[0])


def _until_empty(cell: Cell) -> Iterator[LaneSeen]:
    """The lane of turns, look by look, until nothing waits or runs in it."""
    while True:
        (lane,) = (lane for lane in view(cell.gate.look()).lanes if lane.lane == LANE)
        yield lane
        if not lane.waiting and not lane.running:
            return
        threading.Event().wait(LOOK)

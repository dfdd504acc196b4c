"""A worker that dies in the middle of a paid step: what it drew, or may have drawn, stays; nothing else does."""

from collections.abc import Iterator

import pytest

from shared import failpoints
from shared.cell import Cell
from shared.failpoints import Point
from shared.gate.values import Lease
from shared.ledger import runs
from tests.support.spending import DRAWN_NANO, WORST_NANO, Provider, journaled, level, limited, running, steps_of
from workers.metering.record import Recorder


class Killed(BaseException):
    """Nothing in this process catches it, so nothing after it is done; but for the death, as `kill -9` has it."""


@pytest.fixture
def deadly() -> Iterator[list[Point]]:
    """Points at which the process dies."""
    points: list[Point] = []

    def strike(point: Point) -> None:
        if point in points:
            raise Killed

    failpoints.listen(strike)
    yield points
    failpoints.listen(None)


@pytest.mark.parametrize(
    ("point", "state", "drawn", "held"),
    [
        ("after_intent", "unknown", 0, 0),
        ("after_reserve", "unknown", 0, WORST_NANO),
        ("after_call", "unknown", 0, WORST_NANO),
        ("after_outcome", "answered", DRAWN_NANO, 0),
        ("after_settle", "answered", DRAWN_NANO, 0),
    ],
)
def test_a_worker_that_dies_leaves_what_was_drawn_or_may_have_been(
    cell: Cell, deadly: list[Point], *, point: Point, state: str, drawn: int, held: int
) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": 10 * WORST_NANO}))
    deadly.append(point)
    with pytest.raises(Killed):
        steps_of(cell, run).paid("0.model", Provider().call())
    runs.start(cell.database, next_lease(run.lease))
    for _ in range(2):
        Recorder(cell).record()
    assert [step["state"] for step in journaled(cell, "acme")] == [state]
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (drawn, held)


def next_lease(lease: Lease) -> Lease:
    """What another worker would be given when this one has run out."""
    return Lease(lease.job, lease.tenant, lease.lane, lease.token + 1)

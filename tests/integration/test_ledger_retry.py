"""A job that ended badly waits again by hand: at once, in its old place, whatever the gate has heard by then."""

import pytest

from shared.cell import Cell
from shared.errors import NotFound
from shared.gate.values import Ending, Lease
from shared.intake import committed
from shared.ledger import ends
from shared.ledger import retry as retrying
from shared.ledger.ends import Finish
from shared.ledger.retry import NotRetried
from shared.ledger.states import State
from tests.support.cells import make_tenant
from tests.support.ledgers import new_job
from tests.support.rebuilding import claim, claimed, started, submitted


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1000, running=1000)


def die(cell: Cell, lease: Lease, state: State = State.DEAD) -> None:
    with cell.database.transaction("acme") as connection:
        ends.finish(connection, lease, Finish(state, error="no luck", failed=True))


def retry(cell: Cell, lease: Lease) -> None:
    with cell.database.transaction("acme") as connection:
        waits = retrying.retry(connection, "acme", lease.job)
    cell.intake.offer([committed(waits)])


def test_a_job_retried_before_its_worker_told_the_gate_is_neither_lost_nor_given_twice(cell: Cell) -> None:
    submitted(cell, 1)
    (lease,) = started(cell, 1)
    die(cell, lease)
    retry(cell, lease)
    assert claim(cell) is None, "the gate believes it leased"
    assert cell.gate.release(Ending(lease, 1.0)).held
    (second,) = started(cell, 1)
    assert second.job == lease.job
    die(cell, second)
    assert cell.gate.release(Ending(second, 1.0)).held
    assert claim(cell) is None


def test_a_job_retried_whose_worker_never_tells_the_gate_waits_when_its_lease_is_swept(cell: Cell) -> None:
    submitted(cell, 1)
    (lease,) = started(cell, 1)
    die(cell, lease)
    retry(cell, lease)
    cell.gate.renew("w", [lease], 0, slots=1, lanes=["ops.pro"])
    assert cell.gate.sweep("w").fields["expired"] == 1
    (second,) = started(cell, 1)
    assert second.job == lease.job


def test_a_job_retried_after_its_worker_told_the_gate_keeps_its_place(cell: Cell) -> None:
    first, *others = submitted(cell, 3)
    (lease,) = started(cell, 1)
    die(cell, lease, State.DISCARDED)
    cell.gate.release(Ending(lease, 1.0))
    retry(cell, lease)
    assert claimed(cell) == [first, *others]


def test_a_job_retried_that_was_to_be_cancelled_is_not_any_more(cell: Cell) -> None:
    submitted(cell, 1)
    (lease,) = started(cell, 1)
    with cell.database.transaction("acme") as connection:
        connection.execute("UPDATE tenant.jobs SET cancel_requested_at = now()")
    die(cell, lease)
    retry(cell, lease)
    with cell.database.transaction("acme") as connection:
        assert connection.execute("SELECT FROM tenant.jobs WHERE cancel_requested_at IS NULL").rowcount == 1


def test_a_job_retried_that_was_to_be_cancelled_runs_where_its_worker_never_told_the_gate(cell: Cell) -> None:
    submitted(cell, 1)
    (lease,) = started(cell, 1)
    cell.gate.cancel(lease.job)
    die(cell, lease)
    retry(cell, lease)
    cell.gate.renew("w", [lease], 0, slots=1, lanes=["ops.pro"])
    assert cell.gate.sweep("w").fields["expired"] == 1
    (second,) = started(cell, 1)
    assert cell.gate.renew("w", [second], 30, slots=1, lanes=["ops.pro"]).cancelled == set()


def test_a_job_that_did_not_end_badly_is_not_retried(cell: Cell) -> None:
    submitted(cell, 1)
    (lease,) = started(cell, 1)
    with pytest.raises(NotRetried, match="running"):
        retry(cell, lease)
    with pytest.raises(NotFound), cell.database.transaction("acme") as connection:
        retrying.retry(connection, "acme", new_job().job_id)

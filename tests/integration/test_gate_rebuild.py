"""A gate that lost its memory gets it back from the ledger: backlogs in order, leases under their tokens."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.gate.gate import Gate
from shared.gate.values import Ending, Lease
from shared.ledger import runs
from shared.ledger.runs import Fenced
from shared.ledger.states import State
from shared.tenancy.provision import Provisioning
from tests.support.cells import LEASE, make_tenant
from tests.support.ledgers import await_blocked, new_job
from tests.support.workers import eventually
from workers.upkeep import ledger_sweep

LANE = "ops.pro"


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1000, running=1000)


def submitted(cell: Cell, jobs: int, **chosen: Any) -> list[UUID]:
    made = [new_job(**chosen) for _ in range(jobs)]
    assert all(receipt.fresh for receipt in cell.intake.submit(made))
    return [job.job_id for job in made]


def claim(cell: Cell) -> Lease | None:
    return cell.gate.claim("w", [LANE], LEASE).lease


def claimed(cell: Cell) -> list[UUID]:
    jobs = []
    while lease := claim(cell):
        jobs.append(lease.job)
    return jobs


def started(cell: Cell, number: int) -> list[Lease]:
    """Jobs that run: claimed, and started in the ledger."""
    leases = [lease for lease in (claim(cell) for _ in range(number)) if lease is not None]
    for lease in leases:
        runs.start(cell.database, lease)
    return leases


def rebuild(cell: Cell) -> tuple[int, int]:
    """How many waiting and running jobs a rebuild took in."""
    rebuilt = cell.rebuilder.rebuild()
    assert rebuilt is not None
    assert rebuilt.opened
    return rebuilt.waiting, rebuilt.running


def test_backlogs_come_back_in_order_of_acceptance_and_leases_under_their_tokens(cell: Cell) -> None:
    made = submitted(cell, 305)
    running = started(cell, 5)
    later = submitted(cell, 3, run_at=datetime.now(UTC) + timedelta(hours=1))
    cell.redis.flushall()
    assert not cell.gate.is_open()

    assert rebuild(cell) == (303, 5)
    assert cell.gate.renew("w", running, LEASE, slots=5, lanes=[LANE]) == set()
    assert claimed(cell) == made[5:]
    assert cell.gate.look()["delayed"] == len(later)
    for lease in running:
        assert cell.gate.release(Ending(lease, 1.0)).held


def test_a_running_job_may_finish_while_the_gate_is_rebuilt(cell: Cell) -> None:
    submitted(cell, 1)
    (lease,) = started(cell, 1)
    cell.redis.flushall()
    rebuild(cell)
    with cell.database.transaction("acme") as connection:
        runs.finish(connection, lease, State.DONE, result=None, error=None, failed=False)
    assert cell.gate.release(Ending(lease, 1.0)).held
    assert claim(cell) is None


def test_a_running_job_whose_worker_is_gone_is_leased_for_one_lease_and_then_runs_again(cell: Cell) -> None:
    (job,) = submitted(cell, 1)
    (old,) = started(cell, 1)
    cell.redis.flushall()
    rebuild(cell)
    assert claim(cell) is None
    eventually(lambda: cell.gate.sweep("w").fields["expired"], "the lease is swept", patience=3 * LEASE)
    again = claim(cell)
    assert again is not None
    assert (again.job, again.epoch) == (job, old.epoch + 1)
    assert runs.start(cell.database, again).failures == 1


def test_running_jobs_count_against_the_limits_of_the_rebuilt_gate(cell: Cell) -> None:
    make_tenant(cell, "narrow", ops=2)
    submitted(cell, 5, tenant="narrow")
    started(cell, 2)
    cell.redis.flushall()
    assert rebuild(cell) == (3, 2)
    assert claim(cell) is None


def test_a_lease_from_before_that_had_not_started_is_worthless(cell: Cell) -> None:
    (job,) = submitted(cell, 1)
    old = claim(cell)
    assert old is not None
    cell.redis.flushall()
    rebuild(cell)
    with pytest.raises(Fenced):
        runs.start(cell.database, old)
    assert claimed(cell) == [job]


def test_no_lease_from_before_starts_while_the_gate_is_rebuilt(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(cell, 1)
    old = claim(cell)
    assert old is not None
    cell.redis.flushall()

    def start() -> None:
        with pytest.raises(Fenced):
            runs.start(cell.database, old)

    _during_refill(cell.gate, monkeypatch, start)
    assert rebuild(cell) == (1, 0)


def test_a_rebuild_waits_for_a_start_under_way_and_sees_it(cell: Cell) -> None:
    submitted(cell, 1)
    lease = claim(cell)
    assert lease is not None
    cell.redis.flushall()
    with ThreadPoolExecutor(1) as pool:
        with cell.database.transaction("acme") as connection:
            connection.execute(runs.SHARE_EPOCH)
            rebuilding = pool.submit(rebuild, cell)
            await_blocked(cell)
            values = {"tenant": "acme", "job": lease.job, "token": lease.token, "epoch": lease.epoch}
            assert connection.execute(runs.START, values).rowcount == 1
        assert rebuilding.result() == (0, 1)
    assert cell.gate.renew("w", [lease], LEASE, slots=1, lanes=[LANE]) == set()


def test_a_job_committed_while_the_gate_is_rebuilt_is_not_lost(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    (early,) = submitted(cell, 1)
    cell.redis.flushall()
    late: list[UUID] = []
    _during_refill(cell.gate, monkeypatch, lambda: late.extend(submitted(cell, 1)))
    rebuild(cell)
    monkeypatch.setattr(ledger_sweep, "GRACE", 0.0)
    ledger_sweep.sweep_ledger(cell)
    assert claimed(cell) == [early, *late]


def test_while_one_rebuilds_another_does_not(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(cell, 1)
    cell.redis.flushall()
    second: list[object] = []
    _during_refill(cell.gate, monkeypatch, lambda: second.append(cell.rebuilder.rebuild()))
    rebuild(cell)
    assert second == [None]


def test_a_gate_that_is_open_is_not_rebuilt(cell: Cell) -> None:
    submitted(cell, 1)
    assert cell.rebuilder.rebuild() is None
    assert len(claimed(cell)) == 1


def test_a_redis_replaced_on_the_way_stays_closed(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    cell.redis.flushall()
    monkeypatch.setattr(cell.gate, "run_id", lambda: "0" * 40)
    rebuilt = cell.rebuilder.rebuild()
    assert rebuilt is not None
    assert (rebuilt.opened, rebuilt.permits) == (False, {})
    assert not cell.gate.is_open()


def test_a_rebuild_that_dies_is_followed_by_one_with_an_epoch_of_its_own(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = submitted(cell, 1)
    held = claim(cell)
    assert held is not None
    cell.redis.flushall()

    def die() -> None:
        raise KeyboardInterrupt

    _during_refill(cell.gate, monkeypatch, die)
    with pytest.raises(KeyboardInterrupt):
        cell.rebuilder.rebuild()
    with pytest.raises(Fenced):  # what the dead one has read must not change before the next one reads it
        runs.start(cell.database, held)
    rebuild(cell)
    again = claim(cell)
    assert again is not None
    assert (again.job, again.epoch) == (job, held.epoch + 2)


def test_a_past_epoch_leaves_no_keys(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(cell, 3)
    cell.redis.delete("hg:{main}:head")
    with monkeypatch.context() as patch:
        patch.setattr(cell.gate, "open", lambda *_: False)
        cell.rebuilder.rebuild()
    rebuild(cell)
    head = cell.redis.hget("hg:{main}:head", "epoch")
    assert isinstance(head, bytes)
    prefixes = {key.split(b":")[2] for key in cell.redis.scan_iter("hg:{main}:*")}
    assert prefixes == {b"head", head}


def test_a_suspended_tenants_jobs_come_back_and_wait(cell: Cell) -> None:
    submitted(cell, 2)
    Provisioning(cell.admin).change_tenant("acme", status="suspended")
    cell.redis.flushall()
    assert rebuild(cell) == (2, 0)
    assert claim(cell) is None
    assert cell.gate.waiting([("acme", LANE)]) == [2]


def _during_refill(gate: Gate, patch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something once in the middle of a rebuild, when the ledger has been read and the gate is not yet open."""
    offer = gate.offer

    def offer_after(offers: Any, *, epoch: int | None = None) -> Any:
        patch.setattr(gate, "offer", offer)
        act()
        return offer(offers, epoch=epoch)

    patch.setattr(gate, "offer", offer_after)

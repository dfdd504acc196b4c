"""A gate that lost its memory gets it back from the ledger: backlogs in order, leases under their tokens."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.gate.values import Ending
from shared.ledger import ends, housekeeping, runs
from shared.ledger.ends import Finish
from shared.ledger.runs import Fenced
from shared.ledger.states import State
from shared.tenancy.provision import Provisioning
from tests.support.cells import LEASE, make_tenant
from tests.support.ledgers import new_job
from tests.support.rebuilding import LANE, claim, claimed, rebuild, started, submitted
from tests.support.workers import eventually
from workers.upkeep import ledger_sweep


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1000, running=1000)


def test_backlogs_come_back_in_order_of_acceptance_and_leases_under_their_tokens(cell: Cell) -> None:
    made = submitted(cell, 305)
    running = started(cell, 5)
    later = submitted(cell, 3, run_at=datetime.now(UTC) + timedelta(hours=1))
    cell.redis.flushall()
    assert not cell.gate.is_open()

    assert rebuild(cell) == (303, 5)
    assert cell.gate.renew("w", running, LEASE, slots=5, lanes=[LANE]).lost == set()
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
        ends.finish(connection, lease, Finish(State.DONE))
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


def test_a_suspended_tenants_jobs_come_back_and_wait(cell: Cell) -> None:
    submitted(cell, 2)
    Provisioning(cell.admin).change_tenant("acme", status="suspended")
    cell.redis.flushall()
    assert rebuild(cell) == (2, 0)
    assert claim(cell) is None
    assert cell.gate.waiting([("acme", Family.OPS)]) == [2]


def test_a_tenant_that_was_paused_with_nothing_waiting_is_still_held_back_from_what_a_door_read_before(
    cell: Cell,
) -> None:
    before = cell.tenants.get("acme")
    Provisioning(cell.admin).change_tenant("acme", paused=True)
    cell.redis.flushall()
    rebuild(cell)
    with cell.database.transaction("acme") as connection:
        recorded = cell.intake.record_child(connection, new_job())
    assert recorded is not None
    cell.gate.offer([cell.intake.as_offer(recorded, before)])
    assert claim(cell) is None


def test_jobs_of_a_tenant_that_was_made_during_the_rebuild_are_taken_in(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(cell, 1)
    cell.redis.flushall()
    monkeypatch.setattr(cell.tenants, "all", list)
    assert rebuild(cell) == (1, 0)


def test_a_past_epoch_leaves_no_keys(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(cell, 3)
    cell.redis.delete("hg:{main}:head")
    with monkeypatch.context() as patch:
        patch.setattr(cell.gate, "open", lambda *_: False)
        cell.rebuilder.rebuild()
    rebuild(cell)
    head = cell.redis.get("hg:{main}:head")
    assert isinstance(head, bytes)
    prefixes = {key.split(b":")[2] for key in cell.redis.scan_iter("hg:{main}:*")}
    assert prefixes == {b"head", b"mark", head.partition(b":")[2]}


@pytest.mark.parametrize("ahead", [1, -1], ids=["ahead", "behind"])
def test_a_ledger_that_knows_another_epoch_than_an_open_gate_gets_a_gate_of_its_own(cell: Cell, ahead: int) -> None:
    (job,) = submitted(cell, 1)
    before = cell.gate.epoch()
    with cell.dispatcher.connection() as connection:
        connection.execute("UPDATE tenant.epoch SET epoch = epoch + %s", (ahead,))
    assert cell.gate.is_open()
    ledger_sweep.sweep_ledger(cell)
    assert cell.gate.epoch() == housekeeping.epoch(cell.dispatcher) > before
    lease = claim(cell)
    assert lease is not None
    assert runs.start(cell.database, lease).job == job

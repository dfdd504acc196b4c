"""Record, offer, publish: what is committed reaches the gate, if not by its door then by the ledger sweep."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from shared.cell import Cell
from shared.contracts.answers import Reason
from shared.contracts.kinds import Family
from shared.intake import Receipt
from shared.tenancy.provision import Provisioning
from tests.support.cells import make_tenant
from tests.support.ledgers import new_job, offered, record
from workers.upkeep import ledger_sweep
from workers.upkeep.changes import Changes
from workers.upkeep.ledger_sweep import sweep_ledger

LANE = "ops.pro"


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=100, running=100)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger sweep that gives doors no time to offer by themselves."""
    monkeypatch.setattr(ledger_sweep, "GRACE", 0.0)


def waiting(cell: Cell, tenant: str = "acme") -> int:
    return cell.gate.waiting([(tenant, Family.OPS)])[0]


def claimed(cell: Cell) -> list[UUID]:
    jobs = []
    while lease := cell.gate.claim("w", [LANE], 30).lease:
        jobs.append(lease.job)
    return jobs


def refusals(receipts: list[Receipt]) -> list[Reason | None]:
    return [receipt.refused for receipt in receipts]


def test_submitted_jobs_are_committed_and_offered_in_order(cell: Cell) -> None:
    made = [new_job() for _ in range(20)]
    receipts = cell.intake.submit(made)
    assert [(receipt.job_id, receipt.fresh, receipt.state) for receipt in receipts] == [
        (job.job_id, True, "waiting") for job in made
    ]
    assert offered(cell, "acme") == 20
    assert claimed(cell) == [job.job_id for job in made]


def test_receipts_come_in_the_order_of_the_jobs_whatever_their_tenants(cell: Cell) -> None:
    make_tenant(cell, "globex")
    made = [new_job(tenant) for tenant in ("globex", "acme", "globex", "acme")]
    assert [receipt.job_id for receipt in cell.intake.submit(made)] == [job.job_id for job in made]


def test_a_job_submitted_again_is_offered_once(cell: Cell) -> None:
    first, again, other = new_job(event="1"), new_job(event="1"), new_job(event="1", body_hash=b"other")
    cell.intake.submit([first])
    known, conflict = cell.intake.submit([again, other])
    assert (known.job_id, known.fresh, known.refused) == (first.job_id, False, None)
    assert (conflict.job_id, conflict.refused) == (first.job_id, Reason.ID_CONFLICT)
    assert claimed(cell) == [first.job_id]


def test_one_id_twice_in_a_batch_is_offered_once(cell: Cell) -> None:
    first, again, other = new_job(event="1"), new_job(event="1"), new_job(event="1", body_hash=b"other")
    receipts = cell.intake.submit([first, again, other])
    assert [receipt.job_id for receipt in receipts] == [first.job_id] * 3
    assert refusals(receipts) == [None, None, Reason.ID_CONFLICT]
    assert claimed(cell) == [first.job_id]


def test_a_full_backlog_refuses_what_is_new_and_knows_what_it_has(cell: Cell) -> None:
    make_tenant(cell, "small", backlog=2)
    first = new_job("small", event="1")
    receipts = cell.intake.submit([first, new_job("small"), new_job("small")])
    assert refusals(receipts) == [None, None, Reason.BACKLOG_FULL]
    again = cell.intake.submit([new_job("small", event="1"), new_job("small")])
    assert refusals(again) == [None, Reason.BACKLOG_FULL]
    assert waiting(cell, "small") == 2


def test_a_repeated_job_takes_no_room_from_a_new_one(cell: Cell) -> None:
    make_tenant(cell, "tight", ops=100, running=100, backlog=2)
    first, second, third = new_job("tight"), new_job("tight"), new_job("tight")
    cell.intake.submit([first])
    assert refusals(cell.intake.submit([first, second, third])) == [None, None, Reason.BACKLOG_FULL]


def test_jobs_for_later_take_room_in_their_backlog(cell: Cell) -> None:
    make_tenant(cell, "small", backlog=2)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert refusals(cell.intake.submit([new_job("small", run_at=later) for _ in range(2)])) == [None, None]
    receipts = cell.intake.submit([new_job("small", run_at=later), new_job("small", family=Family.EMBED)])
    assert refusals(receipts) == [Reason.BACKLOG_FULL, None]


def test_a_backlog_that_is_full_in_one_family_leaves_the_others(cell: Cell) -> None:
    make_tenant(cell, "small", backlog=1)
    cell.intake.submit([new_job("small")])
    receipts = cell.intake.submit([new_job("small", family=Family.EMBED), new_job("small"), new_job("acme")])
    assert refusals(receipts) == [None, Reason.BACKLOG_FULL, None]


def test_a_closed_gate_defers_the_offer_to_its_rebuild(cell: Cell) -> None:
    cell.redis.flushall()
    made = new_job()
    assert cell.intake.submit([made])[0].fresh
    assert offered(cell, "acme") == 0
    cell.rebuilder.rebuild()
    assert claimed(cell) == [made.job_id]


@pytest.mark.usefixtures("impatient")
def test_the_ledger_sweep_offers_what_nobody_offered(cell: Cell) -> None:
    orphans = [new_job() for _ in range(3)]
    record(cell, *orphans)
    assert sweep_ledger(cell) == ledger_sweep.PAUSE
    assert offered(cell, "acme") == 3
    assert claimed(cell) == [orphan.job_id for orphan in orphans]


def test_the_ledger_sweep_gives_a_door_time_to_offer_by_itself(cell: Cell) -> None:
    record(cell, new_job())
    sweep_ledger(cell)
    assert waiting(cell) == 0


@pytest.mark.usefixtures("impatient")
def test_the_ledger_sweep_waits_for_a_closed_gate(cell: Cell) -> None:
    record(cell, new_job())
    cell.redis.flushall()
    assert sweep_ledger(cell) == ledger_sweep.PAUSE
    assert offered(cell, "acme") == 0
    cell.rebuilder.rebuild()
    sweep_ledger(cell)
    assert (offered(cell, "acme"), waiting(cell)) == (1, 1)


@pytest.mark.usefixtures("impatient")
def test_a_full_round_of_the_ledger_sweep_is_followed_by_another_at_once(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sweep, "BATCH", 2)
    record(cell, *(new_job() for _ in range(3)))
    assert [sweep_ledger(cell), sweep_ledger(cell)] == [0.0, ledger_sweep.PAUSE]
    assert waiting(cell) == 3


def test_doors_accept_a_bounded_number_while_the_gate_is_closed(cell: Cell) -> None:
    cell.redis.flushall()
    cell.intake._closed_gate_backlog = 2
    receipts = cell.intake.submit([new_job() for _ in range(3)])
    assert refusals(receipts)[:2] == [None, None]
    assert receipts[2].refused is not None
    assert receipts[2].refused.passing
    assert refusals(cell.intake.submit([new_job()])) == [Reason.GATE_CLOSED]


def test_a_batch_with_a_job_that_cannot_be_stored_leaves_nothing(cell: Cell) -> None:
    bad = new_job(payload={"seconds": "\x00"})
    with pytest.raises(psycopg.Error):
        cell.intake.submit([new_job(), bad, new_job()])
    assert waiting(cell) == 0
    good = new_job()
    assert cell.intake.submit([good])[0].fresh
    assert claimed(cell) == [good.job_id]


def test_a_job_for_later_is_offered_for_later(cell: Cell) -> None:
    cell.intake.submit([new_job(run_at=datetime.now(UTC) + timedelta(hours=1))])
    assert (claimed(cell), cell.gate.look()["delayed"]) == ([], 1)


def test_a_change_that_was_never_told_to_the_gate_is_told_by_the_sweep(cell: Cell) -> None:
    provisioning = Provisioning(cell.admin)
    cell.intake.submit([new_job()])
    provisioning.change_tenant("acme", status="suspended")
    cell.gate.configure(cell.tenants.get("acme").configuration)
    provisioning.change_tenant("acme", status="active")
    assert claimed(cell) == []
    Changes(cell).sweep()
    assert len(claimed(cell)) == 1

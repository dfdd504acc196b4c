"""A job that somebody cancels ends so, unless it ends otherwise first; and whoever asked for it is told once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.contracts.results import ProbeResult
from shared.errors import NotFound
from shared.gate.gate import GateClosed
from shared.gate.values import Ending, Lease
from shared.ledger import cancel, ends, runs
from shared.ledger.cancel import NotCancelled
from tests.support.cells import LEASE, make_tenant
from tests.support.executing import Slot
from tests.support.ledgers import new_job
from tests.support.rebuilding import LANE, claim, claimed, rebuild, started, submitted
from tests.support.walking import job
from workers.outcomes import Discard, Done, Outcome, Retry, Snooze
from workers.run.context import Context
from workers.upkeep.ledger_sweep import sweep_ledger

REPLIES = "headgate.replies.acme.main"


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1000, running=1000)


def in_ledger(cell: Cell, job_id: UUID) -> str:
    """Cancel a job as an operator does who dies before the gate is told; the state that this leaves."""
    with cell.database.transaction("acme") as connection:
        return cancel.cancel(connection, "acme", job_id).state


def cancelled(cell: Cell, job_id: UUID) -> str:
    state = in_ledger(cell, job_id)
    cell.permits.publish(cell.gate.cancel(job_id))
    return state


def told(cell: Cell) -> list[str]:
    with cell.database.transaction("acme") as connection:
        rows = connection.execute("SELECT body FROM tenant.outbox ORDER BY written_at").fetchall()
    return [row["body"]["data"]["state"] for row in rows]


def row(cell: Cell, job_id: UUID) -> dict[str, Any]:
    return job(cell, "acme", str(job_id))


def hears(cell: Cell, lease: Lease) -> bool:
    """Whether the worker that holds this lease hears with its next beat that the job is to end."""
    return lease.job in cell.gate.renew("w", [lease], LEASE, slots=1, lanes=[LANE]).cancelled


@pytest.mark.parametrize("due", [None, datetime.now(UTC) + timedelta(hours=1)])
def test_a_waiting_job_is_over_at_once_and_its_asker_is_told(cell: Cell, due: datetime | None) -> None:
    (waiting,) = submitted(cell, 1, reply_to=REPLIES, run_at=due)
    assert cancelled(cell, waiting) == "cancelled"
    assert told(cell) == ["cancelled"]
    assert row(cell, waiting)["finished_at"] is not None
    assert (claim(cell), cell.gate.look()["delayed"]) == (None, 0)


def test_a_job_that_is_over_cannot_be_cancelled(cell: Cell) -> None:
    (waiting,) = submitted(cell, 1, reply_to=REPLIES)
    cancelled(cell, waiting)
    with pytest.raises(NotCancelled, match="cancelled already"):
        cancelled(cell, waiting)
    with pytest.raises(NotFound):
        cancelled(cell, new_job().job_id)
    assert told(cell) == ["cancelled"]


def test_a_cancelled_job_passes_its_ordering_key_on(cell: Cell) -> None:
    first, second = submitted(cell, 2, ordering_key="k")
    cancelled(cell, first)
    (lease,) = started(cell, 1)
    assert lease.job == second


def test_a_cancelled_job_that_the_gate_hands_out_all_the_same_does_not_start(cell: Cell) -> None:
    (waiting,) = submitted(cell, 1)
    in_ledger(cell, waiting)
    slot = Slot(cell, never)
    assert slot.serve()
    assert (row(cell, waiting)["run"], slot.serve()) == (0, False)


def test_a_running_job_hears_of_it_with_the_next_beat_and_ends_at_its_next_step(cell: Cell) -> None:
    (running,) = submitted(cell, 1, reply_to=REPLIES)

    def room(context: Context, _: object) -> Outcome:
        context.check()
        assert cancelled(cell, running) == "running"
        slot.heartbeat.renew()
        context.check()
        raise AssertionError("it went on")

    slot = Slot(cell, room)
    assert slot.serve()
    assert (row(cell, running)["state"], row(cell, running)["failures"], told(cell)) == ("cancelled", 0, ["cancelled"])
    assert claim(cell) is None


@pytest.mark.parametrize("outcome", [Retry("no luck"), Snooze(60)])
def test_a_run_that_would_wait_for_another_is_the_last(cell: Cell, outcome: Outcome) -> None:
    (running,) = submitted(cell, 1, reply_to=REPLIES)

    def room(_: Context, __: object) -> Outcome:
        in_ledger(cell, running)
        return outcome

    assert Slot(cell, room).serve()
    assert (row(cell, running)["state"], told(cell), claim(cell)) == ("cancelled", ["cancelled"], None)


@pytest.mark.parametrize(("outcome", "state"), [(Done(ProbeResult(seconds=0)), "done"), (Discard("no"), "discarded")])
def test_a_run_that_came_to_its_end_ends_as_it_did(cell: Cell, outcome: Outcome, state: str) -> None:
    (running,) = submitted(cell, 1, reply_to=REPLIES)

    def room(_: Context, __: object) -> Outcome:
        cancelled(cell, running)
        return outcome

    assert Slot(cell, room).serve()
    assert (row(cell, running)["state"], told(cell)) == (state, [state])


def test_a_job_whose_worker_died_is_cancelled_by_the_next(cell: Cell) -> None:
    (running,) = submitted(cell, 1, reply_to=REPLIES)
    (lease,) = started(cell, 1)
    cancelled(cell, running)
    cell.gate.renew("w", [lease], 0, slots=1, lanes=[LANE])
    assert cell.gate.sweep("w").fields["expired"] == 1
    assert Slot(cell, never).serve()
    assert (row(cell, running)["state"], told(cell)) == ("cancelled", ["cancelled"])


def test_a_worker_that_stops_leaves_a_cancelled_run_to_the_next(cell: Cell) -> None:
    """Handed back from outside: nobody who could tell the asker is there any more."""
    (running,) = submitted(cell, 1)
    (lease,) = started(cell, 1)
    in_ledger(cell, running)
    with cell.database.transaction("acme") as connection:
        assert not ends.wait_again(connection, lease, after=0, error=None, failed=False)
    assert row(cell, running)["state"] == "running"


def test_what_the_gate_was_not_told_the_ledger_sweep_tells_it(cell: Cell) -> None:
    running, waiting = submitted(cell, 2)
    (lease,) = started(cell, 1)
    assert [in_ledger(cell, each) for each in (running, waiting)] == ["running", "cancelled"]
    assert not hears(cell, lease)
    sweep_ledger(cell)
    assert (hears(cell, lease), claimed(cell)) == (True, [])


def test_a_rebuilt_gate_knows_which_running_jobs_are_to_end(cell: Cell) -> None:
    running, other = submitted(cell, 2)
    leases = started(cell, 2)
    cell.redis.flushall()
    assert in_ledger(cell, running) == "running"
    with pytest.raises(GateClosed):
        cell.gate.cancel(running)
    rebuild(cell)
    assert [hears(cell, lease) for lease in leases] == [True, False]
    assert leases[1].job == other


def test_a_start_says_that_its_job_is_to_end(cell: Cell) -> None:
    (running,) = submitted(cell, 1)
    (lease,) = started(cell, 1)
    in_ledger(cell, running)
    cell.gate.release(Ending(lease, 0.0, "back"))
    again = claim(cell)
    assert again is not None
    assert runs.start(cell.database, again).cancelled


def never(_: Context, __: object) -> Outcome:
    raise AssertionError("it ran")

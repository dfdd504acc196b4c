"""The run boundary: who may start a job, who may end it, and what the fence keeps out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.agents import agents
from shared.agents.configuration import AgentConfiguration
from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import ends, runs
from shared.ledger.ends import Finish
from shared.ledger.jobs import NewJob
from shared.ledger.runs import AlreadyFinal, Fenced
from shared.ledger.states import FINAL, State
from shared.stores.postgres import Connection, one
from tests.support import walking
from tests.support.cells import make_tenant
from tests.support.ledgers import lease_on, new_job, record


@pytest.fixture
def job(cell: Cell) -> NewJob:
    make_tenant(cell, "acme")
    made = new_job()
    record(cell, made)
    return made


def row(cell: Cell, job: NewJob) -> dict[str, Any]:
    return walking.job(cell, job.tenant_id, str(job.job_id))


def finish(cell: Cell, lease: Lease, state: State = State.DONE) -> None:
    with cell.database.transaction(lease.tenant) as connection:
        ends.finish(connection, lease, Finish(state, result={"by": lease.token}))


def write(cell: Cell, lease: Lease) -> None:
    with runs.fenced_transaction(cell.database, lease):
        return


def wait_again(cell: Cell, lease: Lease, *, after: float = 0.0, failed: bool = False) -> bool:
    with cell.database.transaction(lease.tenant) as connection:
        return ends.wait_again(connection, lease, after=after, error="no luck" if failed else None, failed=failed)


def test_a_start_raises_the_fence_and_counts_the_run(cell: Cell, job: NewJob) -> None:
    run = runs.start(cell.database, lease_on(job, 1))
    assert (run.number, run.failures, run.payload, run.kind) == (1, 0, {"seconds": 0.0}, "ops.probe")
    assert run.waited >= 0
    kept = row(cell, job)
    assert (kept["state"], kept["fence"], kept["run"]) == ("running", run.lease.token, 1)
    assert kept["offered_at"] is not None


@pytest.mark.parametrize("token", [1, 2])
def test_a_start_under_an_older_or_equal_token_is_refused(cell: Cell, job: NewJob, token: int) -> None:
    runs.start(cell.database, lease_on(job, 2))
    with pytest.raises(Fenced):
        runs.start(cell.database, lease_on(job, token))
    assert row(cell, job)["run"] == 1


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_start_under_a_token_of_another_epoch_is_refused(cell: Cell, job: NewJob, epoch: int) -> None:
    with pytest.raises(Fenced):
        runs.start(cell.database, lease_on(job, 1, epoch=epoch))
    assert row(cell, job)["state"] == "waiting"


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_job_that_has_ended_does_not_start(cell: Cell, job: NewJob, state: State) -> None:
    runs.start(cell.database, lease_on(job, 1))
    finish(cell, lease_on(job, 1), state)
    with pytest.raises(AlreadyFinal):
        runs.start(cell.database, lease_on(job, 2))


def test_a_job_that_is_gone_does_not_start(cell: Cell, job: NewJob) -> None:
    with pytest.raises(AlreadyFinal):
        runs.start(cell.database, lease_on(new_job(), 1))


def test_a_job_found_running_has_failed_once_more_and_its_run_died(cell: Cell, job: NewJob) -> None:
    found = [runs.start(cell.database, lease_on(job, token)) for token in (1, 2, 3)]
    assert [(run.failures, run.deaths) for run in found] == [(0, 0), (1, 1), (2, 2)]
    assert wait_again(cell, lease_on(job, 3), failed=True)
    run = runs.start(cell.database, lease_on(job, 4))
    assert (run.failures, run.deaths) == (3, 2)


def test_a_job_handed_back_has_not_failed(cell: Cell, job: NewJob) -> None:
    runs.start(cell.database, lease_on(job, 1))
    wait_again(cell, lease_on(job, 1))
    run = runs.start(cell.database, lease_on(job, 2))
    assert (run.number, run.failures) == (2, 0)


def test_a_job_to_be_retried_has_failed_and_waits_until_it_is_due(cell: Cell, job: NewJob) -> None:
    runs.start(cell.database, lease_on(job, 1))
    wait_again(cell, lease_on(job, 1), after=3600.0, failed=True)
    kept = row(cell, job)
    assert (kept["state"], kept["failures"], kept["error"]) == ("waiting", 1, "no luck")
    assert timedelta(minutes=59) < kept["due_at"] - datetime.now(UTC) <= timedelta(hours=1)


def test_a_fenced_run_ends_nothing(cell: Cell, job: NewJob) -> None:
    zombie, holder = lease_on(job, 1), lease_on(job, 2)
    for lease in (zombie, holder):
        runs.start(cell.database, lease)
    with pytest.raises(Fenced):
        finish(cell, zombie)
    assert not wait_again(cell, zombie)
    assert row(cell, job)["state"] == "running"
    finish(cell, holder)
    assert row(cell, job)["result"] == {"by": holder.token}


def test_the_effects_of_a_fenced_run_are_rolled_back(cell: Cell, job: NewJob) -> None:
    zombie = lease_on(job, 1)
    for lease in (zombie, lease_on(job, 2)):
        runs.start(cell.database, lease)

    def finish_with_effects() -> None:
        with cell.database.transaction("acme") as connection:
            agents.put(connection, "acme", "of-a-zombie", AgentConfiguration(model="rehearsal-1"))
            ends.finish(connection, zombie, Finish(State.DONE))

    with pytest.raises(Fenced):
        finish_with_effects()
    with cell.database.transaction("acme") as connection:
        assert connection.execute("SELECT FROM tenant.agents WHERE agent = 'of-a-zombie'").rowcount == 0


@pytest.mark.parametrize(
    "begin", [runs.hold, lambda connection, lease: ends.finish(connection, lease, Finish(State.DONE))]
)
def test_what_a_fenced_run_sends_in_one_go_is_rolled_back(
    cell: Cell, job: NewJob, begin: Callable[[Connection, Lease], None]
) -> None:
    """Nobody waits for the answer of the first statement before the last is sent."""
    zombie, holder = lease_on(job, 1), lease_on(job, 2)
    for lease in (zombie, holder):
        runs.start(cell.database, lease)

    def write(lease: Lease, name: str) -> None:
        with runs.fencing(lease), cell.database.transaction("acme", pipelined=True) as connection:
            begin(connection, lease)
            agents.put(connection, "acme", name, AgentConfiguration(model="rehearsal-1"))

    with pytest.raises(Fenced):
        write(zombie, "of-a-zombie")
    write(holder, "of-the-holder")
    with cell.database.transaction("acme") as connection:
        written = {row["agent"] for row in connection.execute("SELECT agent FROM tenant.agents")}
    assert written == {"default", "of-the-holder"}


def test_a_fenced_run_may_not_write_between_its_steps(cell: Cell, job: NewJob) -> None:
    zombie = lease_on(job, 1)
    for lease in (zombie, lease_on(job, 2)):
        runs.start(cell.database, lease)
    with pytest.raises(Fenced), cell.database.transaction("acme") as connection:
        runs.hold(connection, zombie)


def test_a_run_whose_start_a_crash_of_postgres_lost_is_fenced_and_leaves_no_trace(cell: Cell, job: NewJob) -> None:
    """A start does not wait for the disk; whatever follows it would have taken it there."""
    with cell.database.transaction("acme") as connection:
        before = connection.execute("SELECT state, fence, run, started_at FROM tenant.jobs").fetchone()
    lost = lease_on(job, 1)
    runs.start(cell.database, lost)
    with cell.database.transaction("acme") as connection:
        restored = "state = %(state)s, fence = %(fence)s, run = %(run)s, started_at = %(started_at)s"
        connection.execute(f"UPDATE tenant.jobs SET {restored}", before)
    with pytest.raises(Fenced):
        write(cell, lost)
    with pytest.raises(Fenced):
        finish(cell, lost)
    assert not wait_again(cell, lost)
    run = runs.start(cell.database, lease_on(job, 2))
    assert (run.number, run.failures) == (1, 0)


def test_only_the_start_does_not_wait_for_the_disk(cell: Cell, job: NewJob) -> None:
    with cell.database.connection() as connection:
        connection.execute("SET synchronous_commit = on")  # as in life; the tests' Postgres waits for no disk
        connection.execute(runs.START, runs.place(lease_on(job, 1)))
        assert one(connection, "SHOW synchronous_commit")["synchronous_commit"] == "on"


def test_a_run_ends_once(cell: Cell, job: NewJob) -> None:
    lease = lease_on(job, 1)
    runs.start(cell.database, lease)
    finish(cell, lease)
    with pytest.raises(Fenced):
        finish(cell, lease)
    assert not wait_again(cell, lease)


def test_of_many_that_start_at_once_the_newest_token_holds_the_job(cell: Cell, job: NewJob) -> None:
    def start(token: int) -> bool:
        try:
            return bool(runs.start(cell.database, lease_on(job, token)))
        except Fenced:
            return False

    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(start, range(1, 17)))
    kept = row(cell, job)
    assert kept["fence"] == lease_on(job, 16).token
    assert started[-1]
    assert (kept["run"], kept["failures"]) == (sum(started), sum(started) - 1)


def test_a_lease_in_another_tenants_name_touches_nothing(cell: Cell, job: NewJob) -> None:
    make_tenant(cell, "globex")
    foreign = Lease(job.job_id, "globex", "ops.pro", lease_on(job, 1).token)
    with pytest.raises(AlreadyFinal):
        runs.start(cell.database, foreign)
    assert row(cell, job)["state"] == "waiting"

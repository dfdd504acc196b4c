"""Jobs put into the ledger by hand, and leases on them as the gate would give them."""

from typing import Any

from shared import ids
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.gate.values import Lease
from shared.ledger import jobs
from shared.ledger.jobs import NewJob
from tests.support.workers import eventually


def new_job(tenant: str = "acme", event: str | None = None, **chosen: Any) -> NewJob:
    """A job that holds a slot and does nothing; another `event` is another job."""
    job_id = ids.new()
    values: dict[str, Any] = {
        "tenant_id": tenant,
        "job_id": job_id,
        "source": "/tests",
        "event_id": event or str(job_id),
        "body_hash": b"body",
        "kind": "ops.probe",
        "family": Family.OPS,
        "payload": {"seconds": 0.0},
        "principal": tenant,
        "door": "tests",
    }
    return NewJob(**(values | chosen))


def record(cell: Cell, *made: NewJob) -> None:
    """Commit jobs of one tenant without offering them, as a door does that dies in between."""
    with cell.database.transaction(made[0].tenant_id) as connection:
        jobs.insert(connection, made[0].tenant_id, made, made)


def lease_on(job: NewJob, token: int, epoch: int = 1) -> Lease:
    """The `token`th lease of an epoch; a fresh cell is in its first."""
    return Lease(job.job_id, job.tenant_id, "ops.pro", (epoch << 32) + token)


def await_blocked(cell: Cell) -> None:
    """Until some statement in this cell's database waits for a lock."""

    def blocked() -> bool:
        with cell.admin.connection() as connection:
            waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            return connection.execute(waiting).rowcount > 0

    eventually(blocked, "a statement waits for a lock")


def offered(cell: Cell, tenant: str) -> int:
    """How many of a tenant's jobs the ledger knows to be offered."""
    with cell.database.transaction(tenant) as connection:
        return connection.execute("SELECT FROM tenant.jobs WHERE offered_at IS NOT NULL").rowcount

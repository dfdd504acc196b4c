"""What stands before a job that waits: an earlier one of its ordering key, its tenant's own, room for its next call."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from shared.stores.postgres import Connection, one

OF_ITS_KEY = """
SELECT earlier.job_id, earlier.state FROM tenant.jobs AS mine JOIN tenant.jobs AS earlier
    ON earlier.tenant_id = mine.tenant_id AND earlier.ordering_key = mine.ordering_key AND earlier.job_id <> mine.job_id
WHERE mine.tenant_id = %s AND mine.job_id = %s
  AND (earlier.state = 'running' OR earlier.state = 'waiting' AND earlier.seq < mine.seq)
ORDER BY earlier.state = 'running' DESC, earlier.seq LIMIT 1
"""

AHEAD = """
SELECT count(*) AS jobs FROM tenant.jobs AS mine JOIN tenant.jobs AS other
    ON other.tenant_id = mine.tenant_id AND other.family = mine.family AND other.state = 'waiting'
WHERE mine.tenant_id = %s AND mine.job_id = %s AND (other.priority, other.seq) < (mine.priority, mine.seq)
  AND (other.due_at IS NULL OR other.due_at <= now())
"""

#: A call that found no room is in the journal as void, with the worst it would have drawn.
NEED = """
SELECT worst_input_tokens + worst_output_tokens AS tokens, worst_nano AS nanos FROM tenant.steps
WHERE tenant_id = %s AND job_id = %s AND state = 'void' ORDER BY intended_at DESC LIMIT 1
"""


@dataclass(frozen=True)
class Earlier:
    """The job whose end another of its ordering key waits for."""

    job_id: UUID
    state: str


@dataclass(frozen=True)
class Needed:
    """What the job's next call draws at worst."""

    tokens: int
    nanos: int


def of_its_key(connection: Connection, tenant: str, job: UUID) -> Earlier | None:
    with connection.cursor(row_factory=class_row(Earlier)) as cursor:
        return cursor.execute(OF_ITS_KEY, (tenant, job)).fetchone()


def ahead(connection: Connection, tenant: str, job: UUID) -> int:
    """How many of the tenant's own jobs of this family may start before it."""
    count: int = one(connection, AHEAD, (tenant, job))["jobs"]
    return count


def needed(connection: Connection, tenant: str, job: UUID) -> Needed | None:
    with connection.cursor(row_factory=class_row(Needed)) as cursor:
        return cursor.execute(NEED, (tenant, job)).fetchone()

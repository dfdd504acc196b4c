"""What the dispatcher sees of all tenants' jobs: where they stand, never what they say."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.contracts.kinds import Family
from shared.ledger.runs import EPOCH_LOCK
from shared.stores.postgres import Connection, Database, one
from shared.stores.silence import be_patient

#: Held by the one that rebuilds, from before the reading until the gate is open. Any number that nobody else uses.
REBUILD_LOCK = 4_849_415_403

COLUMNS = """
tenant_id, job_id, seq, family, priority, ordering_key, state, fence, due_at,
cancel_requested_at IS NOT NULL AS cancelled
"""

UNOFFERED = f"""
SELECT {COLUMNS} FROM tenant.jobs
WHERE state = 'waiting' AND offered_at IS NULL AND accepted_at < now() - %s * interval '1 second'
ORDER BY accepted_at LIMIT %s
"""

UNFINISHED = f"""
SELECT {COLUMNS} FROM tenant.jobs WHERE finished_at IS NULL AND state IN ('waiting', 'running') ORDER BY seq
"""

#: Jobs that were cancelled of late: over, or to be ended by their workers.
CANCELLED = """
SELECT job_id FROM tenant.jobs
WHERE cancel_requested_at > now() - %s * interval '1 second' AND state IN ('running', 'cancelled')
"""

MARK_OFFERED = """
UPDATE tenant.jobs SET offered_at = now() FROM unnest(%s::text[], %s::uuid[]) AS offered (tenant_id, job_id)
WHERE jobs.tenant_id = offered.tenant_id AND jobs.job_id = offered.job_id AND jobs.offered_at IS NULL
"""

RAISE_EPOCH = "UPDATE tenant.epoch SET epoch = greatest(epoch, %s) + 1 RETURNING epoch"

COUNT_UNOFFERED = """
SELECT count(*) AS jobs FROM (
    SELECT FROM tenant.jobs WHERE state = 'waiting' AND offered_at IS NULL LIMIT %s) AS unoffered
"""


@dataclass(frozen=True)
class Standing:
    """Where a job stands in the ledger. `cancelled`: it runs, and is to end."""

    tenant_id: str
    job_id: UUID
    seq: int
    family: str
    priority: int
    ordering_key: str | None
    state: str
    fence: int
    due_at: datetime | None
    cancelled: bool

    @property
    def of_family(self) -> Family:
        return Family(self.family)


def unoffered(dispatcher: Database, *, older_than: float, limit: int) -> list[Standing]:
    """Jobs committed at least `older_than` seconds ago that nobody has offered to the gate."""
    with dispatcher.connection() as connection, connection.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(UNOFFERED, (older_than, limit)).fetchall()


def count_unoffered(dispatcher: Database, *, at_most: int) -> int:
    with dispatcher.connection() as connection:
        count: int = one(connection, COUNT_UNOFFERED, (at_most,))["jobs"]
        return count


def cancelled(dispatcher: Database, *, within: float) -> list[UUID]:
    """Jobs whose end somebody asked for in the last `within` seconds, and that did not end in another way."""
    with dispatcher.connection() as connection:
        return [row["job_id"] for row in connection.execute(CANCELLED, (within,))]


def mark_offered(dispatcher: Database, jobs: Sequence[tuple[str, UUID]]) -> None:
    """The gate has these (tenant, job): the ledger sweep need not look at them again.

    Does not wait for the disk: where a crash loses the mark, the jobs are offered once more.
    """
    with dispatcher.transaction(pipelined=True) as connection:
        connection.execute("SET LOCAL synchronous_commit = off")
        connection.execute(MARK_OFFERED, ([tenant for tenant, _ in jobs], [job for _, job in jobs]))


def epoch(dispatcher: Database) -> int:
    """The epoch under which runs may start."""
    with dispatcher.connection() as connection:
        number: int = one(connection, "SELECT epoch FROM tenant.epoch")["epoch"]
        return number


@contextmanager
def sole_rebuilder(dispatcher: Database) -> Iterator[bool]:
    """Whether nobody else rebuilds; whoever does and dies makes way with its connection."""
    with dispatcher.transaction() as connection:
        be_patient(connection)
        yield one(connection, "SELECT pg_try_advisory_xact_lock(%s) AS sole", (REBUILD_LOCK,))["sole"]


@contextmanager
def new_epoch(dispatcher: Database, *, above: int = 0) -> Iterator[tuple[int, Iterator[Standing]]]:
    """Raise the epoch, over `above` too (what the gate knows), then hand out every unfinished job as it was accepted.

    The number is committed first, so it is never given twice, and from then on no lease of an earlier epoch starts:
    what is read after stands still, but for runs that end.
    """
    with dispatcher.transaction() as connection:
        connection.execute("SET LOCAL lock_timeout = '60s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (EPOCH_LOCK,))
        epoch = one(connection, RAISE_EPOCH, (above,))["epoch"]
    with dispatcher.transaction() as connection:
        be_patient(connection)
        yield epoch, _unfinished(connection)


def _unfinished(connection: Connection) -> Iterator[Standing]:
    with connection.cursor(name="unfinished", row_factory=class_row(Standing)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(UNFINISHED)

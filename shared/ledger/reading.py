"""What the ledger says of jobs, for those who look: where each stands, and one of them as a whole.

The lines of a list hold nothing of a job's content, so the dispatcher may read them for all tenants; a job as a whole
is its tenant's, and read as that tenant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.errors import NotFound
from shared.ledger.states import BilledTo, StepKind
from shared.stores.postgres import Connection, Database

LINES = """
SELECT tenant_id, job_id, kind, state, run, failures, accepted_at, due_at, started_at, finished_at FROM tenant.jobs
WHERE (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s) AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY seq DESC LIMIT %(limit)s
"""

OWNER_OF = "SELECT tenant_id FROM tenant.jobs WHERE job_id = %s"

JOB = """
SELECT tenant_id, job_id, kind, family, state, run, failures, deaths, priority, ordering_key, principal, door, source,
       event_id, reply_to, accepted_at, offered_at, due_at, started_at, cancel_requested_at, finished_at,
       payload, result, error
FROM tenant.jobs WHERE tenant_id = %s AND job_id = %s
"""

#: In the order in which they were made; of what is committed at one moment, what ended at once goes first.
STEPS = """
SELECT call_id, place, run, kind, state, model, provider, billed_to, from_cache, input_tokens, output_tokens,
       cached_tokens, worst_input_tokens, worst_output_tokens, error, intended_at, ended_at, reconciled_at, recorded_at
FROM tenant.steps WHERE tenant_id = %s AND job_id = %s ORDER BY intended_at, ended_at, call_id
"""

ENDED = """
SELECT job_id, state, result, error FROM tenant.jobs
WHERE tenant_id = %s AND job_id = ANY(%s) AND state NOT IN ('waiting', 'running')
"""

BY_STATE = "SELECT state, count(*) AS jobs FROM tenant.jobs WHERE tenant_id = %s GROUP BY state ORDER BY state"

BESIDE = """
SELECT FROM tenant.jobs
WHERE tenant_id = %s AND job_id <> %s AND state = 'running' AND kind = %s AND payload @> %s LIMIT 1
"""


@dataclass(frozen=True)
class Line:
    """A job in a list."""

    tenant_id: str
    job_id: UUID
    kind: str
    state: str
    run: int
    failures: int
    accepted_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Job:
    """All of a job but its steps; `due_at`: not before, after a failure or as it was asked for."""

    tenant_id: str
    job_id: UUID
    kind: str
    family: str
    state: str
    run: int
    failures: int
    deaths: int
    priority: int
    ordering_key: str | None
    principal: str
    door: str
    source: str
    event_id: str
    reply_to: str | None
    accepted_at: datetime
    offered_at: datetime | None
    due_at: datetime | None
    started_at: datetime | None
    cancel_requested_at: datetime | None
    finished_at: datetime | None
    payload: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None


@dataclass(frozen=True)
class PastStep:
    """A step as it stands in the journal; `worst_…` is what a call drew at most whose answer is not known."""

    call_id: str
    place: str
    run: int
    kind: StepKind
    state: str
    model: str | None
    provider: str | None
    billed_to: BilledTo
    from_cache: bool
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    worst_input_tokens: int
    worst_output_tokens: int
    error: str | None
    intended_at: datetime
    ended_at: datetime | None
    reconciled_at: datetime | None
    recorded_at: datetime | None


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    job_id: UUID
    state: str
    result: dict[str, Any] | None
    error: str | None


def lines(connection: Connection, *, tenant: str | None, state: str | None, kind: str | None, limit: int) -> list[Line]:
    """The newest jobs first. The connection's role decides whose: a tenant's own, or everybody's."""
    asked = {"tenant": tenant, "state": state, "kind": kind, "limit": limit}
    with connection.cursor(row_factory=class_row(Line)) as cursor:
        return cursor.execute(LINES, asked).fetchall()


def owner_of(dispatcher: Database, job: UUID) -> str:
    """Whose job this is."""
    with dispatcher.connection() as connection:
        row = connection.execute(OWNER_OF, (job,)).fetchone()
    if row is None:
        raise NotFound(f"there is no job {job}: `headgate jobs list` shows the newest")
    tenant: str = row["tenant_id"]
    return tenant


def find(connection: Connection, tenant: str, job: UUID) -> tuple[Job, list[PastStep]]:
    """A job of this tenant with its steps, in the order in which they were made."""
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        found = cursor.execute(JOB, (tenant, job)).fetchone()
    if found is None:
        raise no_such_job(tenant, job)
    with connection.cursor(row_factory=class_row(PastStep)) as cursor:
        return found, cursor.execute(STEPS, (tenant, job)).fetchall()


def no_such_job(tenant: str, job: UUID) -> NotFound:
    """What is said to who asks for it."""
    return NotFound(f"tenant {tenant!r} has no job {job}: `headgate jobs list --tenant {tenant}` shows the newest")


def ended(connection: Connection, tenant: str, jobs: Sequence[UUID]) -> list[Ended]:
    """Those of these jobs that are over."""
    with connection.cursor(row_factory=class_row(Ended)) as cursor:
        return cursor.execute(ENDED, (tenant, list(jobs))).fetchall()


def another_runs(connection: Connection, tenant: str, job: UUID, *, kind: str, asked: Mapping[str, Any]) -> bool:
    """Whether another job of this kind runs whose payload says this."""
    return connection.execute(BESIDE, (tenant, job, kind, Jsonb(dict(asked)))).fetchone() is not None


def by_state(connection: Connection, tenant: str) -> dict[str, int]:
    """How many jobs of this tenant are in each state."""
    return {row["state"]: row["jobs"] for row in connection.execute(BY_STATE, (tenant,))}

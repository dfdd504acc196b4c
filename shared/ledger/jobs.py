"""How jobs come into the ledger: many in one statement, each (source, id) of a tenant once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from shared.contracts.kinds import Family
from shared.stores.postgres import Connection

#: What the source of every job that a job asked for begins with.
CHILDREN = "/jobs/"

INSERT = """
INSERT INTO tenant.jobs (tenant_id, job_id, source, event_id, body_hash, kind, family, payload, ordering_key, priority,
                         principal, door, reply_to, traceparent, due_at)
SELECT %(tenant)s, new.* FROM unnest(
    %(job)s::uuid[], %(source)s::text[], %(event)s::text[], %(hash)s::bytea[], %(kind)s::text[], %(family)s::text[],
    %(payload)s::jsonb[], %(ordering)s::text[], %(priority)s::smallint[], %(principal)s::text[], %(door)s::text[],
    %(reply)s::text[], %(trace)s::text[], %(due)s::timestamptz[]) AS new
ON CONFLICT (tenant_id, source, event_id) DO NOTHING
"""

#: Read after the insert, so it answers what is there now, whoever put it there.
KNOWN = """
SELECT job_id, seq, state, body_hash, source, event_id FROM tenant.jobs
JOIN unnest(%(source)s::text[], %(event)s::text[]) AS asked (source, event_id) USING (source, event_id)
WHERE tenant_id = %(tenant)s
"""

#: One waiting job may do this work for all who ask. The lock makes a worker that is about to start it wait until the
#: asker has committed what it wants done; one that has started is not found, and a new job is made.
WAITING_FOR_SAME = """
SELECT job_id FROM tenant.jobs
WHERE tenant_id = %s AND coalesce_key = %s AND state = 'waiting' LIMIT 1 FOR UPDATE
"""

COALESCE = "UPDATE tenant.jobs SET coalesce_key = %s WHERE tenant_id = %s AND job_id = %s"


@dataclass(frozen=True)
class NewJob:
    """A job that is asked for. `body_hash` tells a repeated message from another one with the same id."""

    tenant_id: str
    job_id: UUID
    source: str
    event_id: str
    body_hash: bytes
    kind: str
    family: Family
    payload: dict[str, Any]
    principal: str
    door: str
    ordering_key: str | None = None
    priority: int = 5
    reply_to: str | None = None
    traceparent: str | None = None
    run_at: datetime | None = None
    coalesce_key: str | None = None


@dataclass(frozen=True)
class Known:
    """What the ledger holds for a (source, id): perhaps the job just asked for, perhaps an earlier one."""

    job_id: UUID
    seq: int
    state: str
    body_hash: bytes


@dataclass(frozen=True)
class Asked:
    """An insert under way in a pipeline; `known` reads what came of it."""

    cursor: Cursor[DictRow]

    def known(self) -> dict[tuple[str, str], Known]:
        return {
            (row["source"], row["event_id"]): Known(row["job_id"], row["seq"], row["state"], row["body_hash"])
            for row in self.cursor
        }


def insert(connection: Connection, tenant_id: str, jobs: Sequence[NewJob], asked: Sequence[NewJob]) -> Asked:
    """Record `jobs` in this order, then look up all `asked` (a pipeline may send both at once)."""
    if jobs:
        connection.execute(INSERT, _columns(tenant_id, jobs))
    sources, events = [job.source for job in asked], [job.event_id for job in asked]
    return Asked(connection.execute(KNOWN, {"tenant": tenant_id, "source": sources, "event": events}))


def insert_one(connection: Connection, job: NewJob) -> Known | None:
    """Record a job from inside another's transaction; None where one that waits already does this work."""
    same = (job.tenant_id, job.coalesce_key)
    if job.coalesce_key is not None and connection.execute(WAITING_FOR_SAME, same).fetchone():
        return None
    known = insert(connection, job.tenant_id, [job], [job]).known()[job.source, job.event_id]
    if job.coalesce_key is not None and known.job_id == job.job_id:
        connection.execute(COALESCE, (job.coalesce_key, job.tenant_id, job.job_id))
    return known


def _columns(tenant_id: str, jobs: Sequence[NewJob]) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "job": [job.job_id for job in jobs],
        "source": [job.source for job in jobs],
        "event": [job.event_id for job in jobs],
        "hash": [job.body_hash for job in jobs],
        "kind": [job.kind for job in jobs],
        "family": [job.family.value for job in jobs],
        "payload": [Jsonb(job.payload) for job in jobs],
        "ordering": [job.ordering_key for job in jobs],
        "priority": [job.priority for job in jobs],
        "principal": [job.principal for job in jobs],
        "door": [job.door for job in jobs],
        "reply": [job.reply_to for job in jobs],
        "trace": [job.traceparent for job in jobs],
        "due": [job.run_at for job in jobs],
    }

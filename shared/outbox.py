"""What must leave: written in the transaction that makes it true, sent afterwards, at least once, with a stable id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from psycopg.types.json import Jsonb

from shared import clock, ids
from shared.contracts.answers import Finished, FinishedData
from shared.stores.postgres import Connection, Database

#: The bell of the relay (`shared.wakeups`).
BELL = "outbox"

WRITE = """
INSERT INTO tenant.outbox (tenant_id, message_id, destination, body) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""

DUE = """
SELECT tenant_id, array_agg(message_id ORDER BY due_at, message_id) AS messages FROM (
    SELECT tenant_id, message_id, due_at FROM tenant.outbox
    WHERE sent_at IS NULL AND due_at <= now() ORDER BY due_at, message_id LIMIT %s) AS due
GROUP BY tenant_id
"""

TAKE = """
SELECT message_id, destination, body FROM tenant.outbox
WHERE tenant_id = %s AND message_id = ANY(%s) AND sent_at IS NULL
ORDER BY due_at, message_id FOR UPDATE SKIP LOCKED
"""

SENT = "UPDATE tenant.outbox SET sent_at = now(), attempts = attempts + 1 WHERE tenant_id = %s AND message_id = ANY(%s)"

#: Wait 1, 2, 4 … at most 300 seconds between attempts.
FAILED = """
UPDATE tenant.outbox SET attempts = attempts + 1, error = %s,
       due_at = now() + least(300, power(2, least(attempts, 10))) * interval '1 second'
WHERE tenant_id = %s AND message_id = ANY(%s)
"""


class Asked(Protocol):
    """A job as it was asked for. `number`: of its last run."""

    @property
    def tenant(self) -> str: ...
    @property
    def job(self) -> UUID: ...
    @property
    def number(self) -> int: ...
    @property
    def event_id(self) -> str: ...
    @property
    def reply_to(self) -> str | None: ...


@dataclass(frozen=True)
class Message:
    """Something that waits to leave."""

    message_id: UUID
    destination: str
    body: dict[str, Any]


def finished(job: Asked, data: FinishedData) -> Message | None:
    """What tells whoever asked, if they named a reply queue, that the job is over; to be written as it ends."""
    if job.reply_to is None:
        return None
    message = ids.derived("finished", job.job, job.number, data.state)
    event = Finished(id=str(message), time=clock.now(), subject=job.event_id, tenantid=job.tenant, data=data)
    return Message(message, job.reply_to, event.model_dump(mode="json"))


def write(connection: Connection, tenant: str, message: Message) -> None:
    """Let this leave once the transaction is committed."""
    connection.execute(WRITE, (tenant, message.message_id, message.destination, Jsonb(message.body)))


def due(dispatcher: Database, limit: int) -> dict[str, list[UUID]]:
    """What waits to leave now, by tenant, without its content."""
    with dispatcher.connection() as connection:
        return {row["tenant_id"]: row["messages"] for row in connection.execute(DUE, (limit,))}


def take(connection: Connection, tenant: str, messages: Sequence[UUID]) -> list[Message]:
    """Lock these messages for sending; what another relay has locked is left to it."""
    return [Message(**row) for row in connection.execute(TAKE, (tenant, list(messages))).fetchall()]


def sent(connection: Connection, tenant: str, messages: Sequence[UUID]) -> None:
    connection.execute(SENT, (tenant, list(messages)))


def failed(connection: Connection, tenant: str, messages: Sequence[UUID], error: str) -> None:
    connection.execute(FAILED, (error, tenant, list(messages)))

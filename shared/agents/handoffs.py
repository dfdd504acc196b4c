"""Conversations that an agent passed on to a human, and the human's answer, which gives them back."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import class_row

from shared import ids
from shared.errors import HeadgateError, NotFound
from shared.stores.postgres import Connection

WAITING = """
SELECT tenant_id, conversation_id, agent, user_identifier, handed_off_at, handoff_reason FROM tenant.conversations
WHERE tenant_id = %s AND state = 'handed_off' ORDER BY handed_off_at, conversation_id
"""

OPEN = """
UPDATE tenant.conversations SET state = 'open', handed_off_at = NULL, handoff_reason = NULL
WHERE tenant_id = %s AND conversation_id = %s AND state = 'handed_off' RETURNING true
"""

STANDS = "SELECT state FROM tenant.conversations WHERE tenant_id = %s AND conversation_id = %s"

#: The answer is no job's: an id of its own stands in the job's place.
SAY = """
INSERT INTO tenant.messages (tenant_id, conversation_id, job_id, ordinal, role, content)
VALUES (%s, %s, %s, 0, 'assistant', %s)
"""


@dataclass(frozen=True)
class Handoff:
    """A conversation that waits for a human."""

    tenant_id: str
    conversation_id: str
    agent: str
    user_identifier: str | None
    handed_off_at: datetime
    handoff_reason: str | None


def waiting(connection: Connection, tenant: str) -> Cursor[Handoff]:
    """Asked for: the tenant's conversations that wait for a human, the longest waiting first."""
    return connection.cursor(row_factory=class_row(Handoff)).execute(WAITING, (tenant,))


def resolve(connection: Connection, tenant: str, conversation: str, *, message: str | None) -> None:
    """Give the conversation back to its agent, which sees `message` as what it answered last."""
    if connection.execute(OPEN, (tenant, conversation)).fetchone() is None:
        raise _refusal(connection, tenant, conversation)
    if message is not None:
        connection.execute(SAY, (tenant, conversation, ids.new(), message))


def _refusal(connection: Connection, tenant: str, conversation: str) -> HeadgateError:
    if connection.execute(STANDS, (tenant, conversation)).fetchone() is None:
        return NotFound(
            f"tenant {tenant!r} has no conversation {conversation!r}: `headgate handoffs list` names those that wait"
        )
    return HeadgateError(f"conversation {conversation!r} waits for no human: its agent answers it already")

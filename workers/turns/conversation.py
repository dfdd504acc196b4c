"""Conversations: what was said before, and what this turn adds."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.stores.postgres import Connection

#: Messages of history that a turn is shown: ten exchanges.
HISTORY = 20

SAID = """
SELECT role, content FROM (
    SELECT position, role, content FROM tenant.messages
    WHERE tenant_id = %s AND conversation_id = %s AND job_id <> %s ORDER BY position DESC LIMIT %s
) AS latest ORDER BY position
"""

BEGIN = """
INSERT INTO tenant.conversations (tenant_id, conversation_id, agent) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""

SAY = """
INSERT INTO tenant.messages (tenant_id, conversation_id, job_id, role, content) VALUES (%s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Exchange:
    """What one turn adds to a conversation."""

    conversation: str
    agent: str
    job: UUID
    message: str
    answer: str


def history(connection: Connection, tenant: str, conversation: str, job: UUID) -> list[dict[str, Any]]:
    """The latest messages, oldest first, without this job's own."""
    return connection.execute(SAID, (tenant, conversation, job, HISTORY)).fetchall()


def say(connection: Connection, tenant: str, exchange: Exchange) -> None:
    """Write what the user said and what was answered."""
    place = (tenant, exchange.conversation, exchange.job)
    connection.execute(BEGIN, (tenant, exchange.conversation, exchange.agent))
    connection.execute(SAY, (*place, "user", exchange.message))
    connection.execute(SAY, (*place, "assistant", exchange.answer))

"""Conversations that an agent passed on to a human, and the human's answer, which gives them back.

The answer is said in the conversation, where the agent finds it, and leaves for whoever asked for the latest turn, who
shows it to the user. Where that turn named no reply queue nobody is told; whoever polls finds it in the conversation.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow, class_row

from shared import clock, ids, outbox
from shared.agents import conversations
from shared.contracts.answers import ConversationAnswered, ConversationAnsweredData
from shared.outbox import Message
from shared.stores.postgres import Connection

WAITING = """
SELECT tenant_id, conversation_id, agent, user_identifier, handed_off_at, handoff_reason FROM tenant.conversations
WHERE tenant_id = %s AND state = 'handed_off' ORDER BY handed_off_at, conversation_id
"""

#: The turn in which the user spoke last, and where it was asked for.
LATEST = """
SELECT jobs.job_id, jobs.event_id, jobs.reply_to FROM tenant.messages JOIN tenant.jobs USING (tenant_id, job_id)
WHERE tenant_id = %s AND conversation_id = %s ORDER BY position DESC LIMIT 1
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


def resolve(connection: Connection, tenant: str, conversation: str, *, message: str | None) -> bool:
    """Give the conversation back to its agent, which sees `message` as what it answered last.

    Whether that leaves for somebody; the relay's bell is to be rung after the commit.
    """
    handed_off = conversations.hand_back(connection, tenant, conversation)
    if message is None:
        return False
    latest = connection.execute(LATEST, (tenant, conversation)).fetchone()
    said = ids.new()
    conversations.answer(connection, tenant, conversation, message, answer_id=said)
    if latest is None or latest["reply_to"] is None:
        return False
    data = ConversationAnsweredData(conversation=conversation, job=latest["job_id"], answer=message, **handed_off)
    outbox.write(connection, tenant, _answer(tenant, latest, said, data))
    return True


def _answer(tenant: str, latest: DictRow, said: UUID, data: ConversationAnsweredData) -> Message:
    told = ids.derived("conversation.answered", said)
    about = {"subject": latest["event_id"], "tenantid": tenant}
    answer = ConversationAnswered(id=str(told), time=clock.now(), data=data, **about)
    return Message(told, latest["reply_to"], answer.model_dump(mode="json"))

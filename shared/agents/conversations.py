"""Conversations: what was said before, what a turn adds, and what a human answers in between.

A conversation belongs to the user with whom it began, and to nobody where its caller named none. What was said is kept
whole, with the tools that were asked and what they answered; what is too much to show again is summarised
(`workers.turns.history`), and stays in the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from shared.agents.messages import LEFT_OUT, Message
from shared.errors import HeadgateError, NotFound
from shared.stores.pending import Pending
from shared.stores.postgres import Connection

#: Most messages that are read again: far more than fit into any model's window, for they are summarised before.
MOST = 4000

#: Most bytes of what tools answered, and of all else, that are read again: more than any window as well. Rows keep much
#: more, also where no model is asked that could summarise it; a turn must not need memory for all of it.
MOST_OF_TOOLS, MOST_OF_WORDS = 4_194_304, 16_777_216

FIND = """
SELECT state, turns, user_identifier, summary, summarised_to FROM tenant.conversations
WHERE tenant_id = %(tenant)s AND conversation_id = %(conversation)s
"""

#: `after` None: what the summary does not cover. Turns are read whole or not at all, the newest first.
SAID = """
SELECT position, job_id, role, tool_calls, tool_call_id,
       CASE WHEN role = 'tool' AND of_tools > %(most_of_tools)s THEN %(left_out)s ELSE content END AS content
FROM (SELECT near.*, min(ordinal) OVER turn AS begins, max(of_words) OVER turn AS of_turn
      FROM (SELECT position, ordinal, job_id, role, content, tool_calls, tool_call_id,
                   sum(octet_length(content)) FILTER (WHERE role = 'tool') OVER back AS of_tools,
                   sum(octet_length(content) + coalesce(octet_length(tool_calls::text), 0))
                       FILTER (WHERE role <> 'tool') OVER back AS of_words
            FROM tenant.messages
            WHERE tenant_id = %(tenant)s AND conversation_id = %(conversation)s AND job_id <> %(job)s
              AND position > coalesce(%(after)s, (SELECT summarised_to FROM tenant.conversations
                                      WHERE tenant_id = %(tenant)s AND conversation_id = %(conversation)s), 0)
              AND (%(to)s::bigint IS NULL OR position <= %(to)s)
            WINDOW back AS (ORDER BY position DESC)
            ORDER BY position DESC LIMIT %(most)s) AS near
      WINDOW turn AS (PARTITION BY job_id)) AS turns
WHERE begins = 0 AND of_turn <= %(most_of_words)s
ORDER BY position DESC
"""

#: A human keeps what was handed to them until they give it back, whatever a turn that began before saw. Where a caller
#: orders turns by a key of its own, another user's may have begun the conversation meanwhile: it stays as it is, and
#: nothing of this turn is said in it.
HOLD = """
INSERT INTO tenant.conversations AS c (tenant_id, conversation_id, agent, user_identifier, turns, state, handed_off_at,
                                       handoff_reason, summary, summarised_to)
VALUES (%(tenant)s, %(conversation)s, %(agent)s, %(user)s, 1,
        CASE WHEN %(handed_off)s THEN 'handed_off' ELSE 'open' END,
        CASE WHEN %(handed_off)s THEN now() END, %(reason)s, %(summary)s, coalesce(%(summarised_to)s, 0))
ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET turns = c.turns + 1,
    state = CASE WHEN %(handed_off)s THEN 'handed_off' ELSE c.state END,
    handed_off_at = CASE WHEN %(handed_off)s THEN coalesce(c.handed_off_at, now()) ELSE c.handed_off_at END,
    handoff_reason = coalesce(c.handoff_reason, %(reason)s),
    summary = coalesce(%(summary)s, c.summary), summarised_to = coalesce(%(summarised_to)s, c.summarised_to)
WHERE c.user_identifier IS NOT DISTINCT FROM %(user)s
"""

SAY = """
INSERT INTO tenant.messages (tenant_id, conversation_id, job_id, ordinal, role, content, tool_calls, tool_call_id)
SELECT %(tenant)s, %(conversation)s, %(job)s, new.* FROM unnest(
    %(ordinal)s::smallint[], %(role)s::text[], %(content)s::text[], %(calls)s::jsonb[], %(answers)s::text[]) AS new
WHERE EXISTS (SELECT FROM tenant.conversations WHERE tenant_id = %(tenant)s AND conversation_id = %(conversation)s
              AND user_identifier IS NOT DISTINCT FROM %(user)s)
"""


OPEN = """
UPDATE tenant.conversations SET state = 'open', handed_off_at = NULL, handoff_reason = NULL
WHERE tenant_id = %s AND conversation_id = %s AND state = 'handed_off'
RETURNING agent, user_identifier
"""

STANDS = "SELECT state FROM tenant.conversations WHERE tenant_id = %s AND conversation_id = %s"

#: No job's: an id of its own stands in the job's place.
ANSWER = """
INSERT INTO tenant.messages (tenant_id, conversation_id, job_id, ordinal, role, content)
VALUES (%s, %s, %s, 0, 'assistant', %s)
"""

#: Whose turn it is to answer: the agent's, or a human's.
ConversationState = Literal["open", "handed_off"]


class NotTheirs(HeadgateError):  # noqa: N818 - it names what was found
    """A conversation is another user's."""


@dataclass(frozen=True)
class Conversation:
    """As it stands before this turn. `summarised_to`: the position up to which `summary` tells what was said."""

    state: ConversationState = "open"
    turns: int = 0
    user_identifier: str | None = None
    summary: str | None = None
    summarised_to: int = 0


@dataclass(frozen=True)
class Added:
    """What a turn adds: its messages in order, and what it changes. `handed_off`: to a human, for this `reason`."""

    messages: Sequence[Message] = field(default_factory=tuple)
    handed_off: bool = False
    reason: str | None = None
    summary: str | None = None
    summarised_to: int | None = None


@dataclass(frozen=True)
class TurnIdentity:
    """Whose a turn is: which conversation, with which user, by which agent, in which job."""

    tenant: str
    conversation: str
    agent: str
    user: str | None
    job: UUID


def find(connection: Connection, identity: TurnIdentity) -> Pending[Conversation]:
    """The conversation, new where there is none; `NotTheirs`."""
    return Pending(connection.execute(FIND, vars(identity)), lambda cursor: _conversation(cursor, identity))


def said(
    connection: Connection, identity: TurnIdentity, *, after: int | None, to: int | None
) -> Pending[list[Message]]:
    """Messages behind position `after` (None: behind the summary) up to `to`, the oldest first."""
    bounds = {"most": MOST, "most_of_tools": MOST_OF_TOOLS, "most_of_words": MOST_OF_WORDS, "left_out": LEFT_OUT}
    return Pending(connection.execute(SAID, vars(identity) | {"after": after, "to": to} | bounds), _messages)


def add(connection: Connection, identity: TurnIdentity, added: Added) -> None:
    """Write what this turn adds."""
    stands = {"handed_off": added.handed_off, "reason": added.reason, "summary": added.summary}
    connection.execute(HOLD, vars(identity) | stands | {"summarised_to": added.summarised_to})
    messages = added.messages
    columns = {
        "ordinal": list(range(len(messages))),
        "role": [message.role for message in messages],
        "content": [message.content for message in messages],
        "calls": [Jsonb(list(message.tool_calls)) if message.tool_calls else None for message in messages],
        "answers": [message.tool_call_id for message in messages],
    }
    connection.execute(SAY, vars(identity) | columns)


def hand_back(connection: Connection, tenant: str, conversation: str) -> DictRow:
    """From the human to its agent; answers whose it is: {agent, user_identifier}. Refused where no human has it."""
    handed_back = connection.execute(OPEN, (tenant, conversation)).fetchone()
    if handed_back is None:
        raise _refusal(connection, tenant, conversation)
    return handed_back


def answer(connection: Connection, tenant: str, conversation: str, content: str, *, answer_id: UUID) -> None:
    """Write what a human answered."""
    connection.execute(ANSWER, (tenant, conversation, answer_id, content))


def _conversation(cursor: Cursor[DictRow], identity: TurnIdentity) -> Conversation:
    row = cursor.fetchone()
    if row is None:
        return Conversation(user_identifier=identity.user)
    if row["user_identifier"] != identity.user:
        raise NotTheirs(f"conversation {identity.conversation!r} belongs to another user: begin one of another name")
    return Conversation(**row)


def _messages(cursor: Cursor[DictRow]) -> list[Message]:
    return [
        Message(
            row["role"], row["content"], row["tool_calls"] or (), row["tool_call_id"], row["position"], row["job_id"]
        )
        for row in reversed(cursor.fetchall())
    ]


def _refusal(connection: Connection, tenant: str, conversation: str) -> HeadgateError:
    if connection.execute(STANDS, (tenant, conversation)).fetchone() is None:
        return NotFound(
            f"tenant {tenant!r} has no conversation {conversation!r}: `headgate handoffs list` names those that wait"
        )
    return HeadgateError(f"conversation {conversation!r} waits for no human: its agent answers it already")

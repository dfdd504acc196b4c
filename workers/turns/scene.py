"""What a turn sees, from its first step to its last, in each of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.agents.agents import Agent
from shared.agents.conversations import Conversation, TurnIdentity
from shared.agents.messages import Message
from shared.contracts.payloads import AgentTurn


@dataclass(frozen=True)
class Scene:
    """`history`: what was said before, oldest first; `memories`: what the agent keeps in mind of the user, by name.

    Of tenant and user it says what the job says; nothing that a model, a document or a tool said is in it but as such.
    """

    turn: AgentTurn
    identity: TurnIdentity
    tenant_name: str
    agent: Agent
    conversation: Conversation
    history: Sequence[Message]
    memories: Mapping[str, str]
    now: datetime

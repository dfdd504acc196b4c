"""Step 0: the agent, the conversation, the user and the moment, as this turn sees them, also when it is run again.

The journal keeps what tells them apart (the agent's version, how far the conversation had come, the time), not the
things themselves: versions and messages are never changed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared import clock
from shared.agents import agents, conversations, memories
from shared.agents.conversations import Conversation, TurnIdentity
from shared.contracts.payloads import AgentTurn
from shared.stores.pending import Pending
from shared.stores.postgres import Connection
from workers.run.context import Context
from workers.turns.scene import Scene

#: Memories of a user that an agent is told without asking: the newest.
MEMORIES = 20


def assemble(context: Context, turn: AgentTurn) -> Scene:
    """Raises `NotFound` (no such agent) and `NotTheirs` (another user's conversation)."""
    identity = TurnIdentity(
        context.tenant.tenant_id, turn.conversation, turn.agent, turn.user_identifier, context.run.job
    )
    fresh: list[Scene] = []

    def look() -> dict[str, Any]:
        fresh.append(_first_look(context, turn, identity))
        return _positions(fresh[0])

    positions = context.once("assembly", "assembly", context.run.payload, look, later=True)
    return fresh[0] if fresh else _looked_again(context, turn, identity, positions)


def _first_look(context: Context, turn: AgentTurn, identity: TurnIdentity) -> Scene:
    """One round trip."""
    with context.reading(pipelined=True) as connection:
        agent = agents.ask(connection, identity.tenant, identity.agent)
        asked = conversations.find(connection, identity)
        messages = conversations.said(connection, identity, after=None, to=None)
        remembered = _memories(connection, identity)
    known, standing, history = agent.read(), asked.read(), messages.read()
    kept = remembered.read() if remembered else {}
    return Scene(turn, identity, context.tenant.name, known, standing, history, kept, clock.now())


def _memories(connection: Connection, identity: TurnIdentity) -> Pending[dict[str, str]] | None:
    """Nobody is known where the caller names no user."""
    if not identity.user:
        return None
    return memories.latest(connection, identity.tenant, identity.agent, identity.user, MEMORIES)


def _positions(scene: Scene) -> dict[str, Any]:
    """What a replay needs to see the same."""
    standing = scene.conversation
    return {
        "version": scene.agent.version,
        "now": scene.now.isoformat(),
        "state": standing.state,
        "turns": standing.turns,
        "summary": standing.summary,
        "summarised_to": standing.summarised_to,
        "to": scene.history[-1].position if scene.history else 0,
        "memories": dict(scene.memories),
    }


def _looked_again(context: Context, turn: AgentTurn, identity: TurnIdentity, positions: Mapping[str, Any]) -> Scene:
    """The same scene, from what an earlier run was told."""
    with context.reading(pipelined=True) as connection:
        agent = agents.ask(connection, identity.tenant, identity.agent, positions["version"])
        messages = conversations.said(connection, identity, after=positions["summarised_to"], to=positions["to"])
    standing = Conversation(
        positions["state"], positions["turns"], identity.user, positions["summary"], positions["summarised_to"]
    )
    known = agent.read()
    now = datetime.fromisoformat(positions["now"])
    return Scene(
        turn,
        identity,
        context.tenant.name,
        known,
        standing,
        messages.read(),
        positions["memories"],
        now,
    )

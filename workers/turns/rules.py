"""What ends a turn before a model is asked: rules of the tenant's, in this order.

a human has the conversation ▸ the user asks for one ▸ nobody is there at this hour ▸ the turns are used up
"""

from dataclasses import dataclass

from shared.agents import keywords
from shared.contracts.results import TurnOutcome
from workers.turns.scene import Scene


@dataclass(frozen=True)
class Ended:
    """What the user is told, and why. `reason`: for the human who takes over."""

    outcome: TurnOutcome
    answer: str
    reason: str | None = None


def ended(scene: Scene) -> Ended | None:
    """How this turn ends without a model; None: it does not."""
    configuration, conversation = scene.agent.configuration, scene.conversation
    if conversation.state == "handed_off":
        return Ended(TurnOutcome.HANDED_OFF, configuration.handoff_message)
    if keyword := keywords.said(scene.turn.message, configuration.escalation_keywords):
        return Ended(TurnOutcome.HANDED_OFF, configuration.handoff_message, reason=f"the user said {keyword!r}")
    hours = configuration.business_hours
    if hours is not None and not hours.open_at(scene.now):
        return Ended(TurnOutcome.CLOSED, hours.message)
    if configuration.max_turns is not None and conversation.turns >= configuration.max_turns:
        return Ended(TurnOutcome.TURNS_USED_UP, configuration.turns_message)
    return None

"""What ends a turn before a model is asked: rules of the tenant's, in this order.

a human has the conversation ▸ the user asks for one ▸ nobody is there at this hour ▸ the turns are used up
"""

from dataclasses import dataclass
from typing import Literal

from shared.agents import keywords
from workers.turns.scene import Scene

#: How a turn came out: answered by the model; without an answer of its own; passed on to a human; outside business
#: hours; one turn too many; by a hook of the operator's.
Outcome = Literal["answered", "fallback", "handed_off", "closed", "turns_used_up", "hook"]


@dataclass(frozen=True)
class Ended:
    """What the user is told, and why. `reason`: for the human who takes over."""

    outcome: Outcome
    answer: str
    reason: str | None = None


def ended(scene: Scene) -> Ended | None:
    """How this turn ends without a model; None: it does not."""
    configuration, conversation = scene.agent.configuration, scene.conversation
    if conversation.state == "handed_off":
        return Ended("handed_off", configuration.handoff_message)
    if keyword := keywords.said(scene.turn.message, configuration.escalation_keywords):
        return Ended("handed_off", configuration.handoff_message, reason=f"the user said {keyword!r}")
    hours = configuration.business_hours
    if hours is not None and not hours.open_at(scene.now):
        return Ended("closed", hours.message)
    if configuration.max_turns is not None and conversation.turns >= configuration.max_turns:
        return Ended("turns_used_up", configuration.turns_message)
    return None

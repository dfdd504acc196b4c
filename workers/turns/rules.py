"""What ends a turn before a model is asked: rules of the tenant's, in this order.

a human has the conversation ▸ the user asks for one ▸ nobody is there at this hour ▸ the turns are used up
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

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
    if keyword := _said(scene.turn.message, tuple(configuration.escalation_keywords)):
        return Ended("handed_off", configuration.handoff_message, reason=f"the user said {keyword!r}")
    hours = configuration.business_hours
    if hours is not None and not hours.open_at(scene.now):
        return Ended("closed", hours.message)
    if configuration.max_turns is not None and conversation.turns >= configuration.max_turns:
        return Ended("turns_used_up", configuration.turns_message)
    return None


def _said(message: str, keywords: Sequence[str]) -> str | None:
    """The keyword that stands in the message, as whole words."""
    if not keywords:
        return None
    match = _pattern(tuple(keywords)).search(" ".join(message.casefold().split()))
    return match.group() if match else None


@lru_cache(maxsize=1024)
def _pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(" ".join(keyword.casefold().split())) for keyword in keywords)
    return re.compile(rf"(?<!\w)({words})(?!\w)")

"""What comes out of a turn: the answer as the user gets it, what the conversation keeps, what the caller is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from shared.agents.templates import template
from shared.agents.templates.template import TooMuchWork
from shared.contracts.results import ModelAsked, TurnOutcome, TurnResult
from workers.turns import prompts
from workers.turns.conversation import Added
from workers.turns.history import Fitted
from workers.turns.messages import Message
from workers.turns.rules import Ended
from workers.turns.scene import Scene

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Spoken:
    """What the model and the tools came to.

    `messages`: those after the user's; `models`: which were asked, in order; `refused`: tools that were not allowed.
    """

    answer: str
    outcome: TurnOutcome = TurnOutcome.ANSWERED
    reason: str | None = None
    messages: Sequence[Message] = ()
    sources: Sequence[str] = ()
    models: Sequence[ModelAsked] = ()
    refused: Sequence[str] = ()
    fitted: Fitted = field(default_factory=lambda: Fitted((), None))


def of_rule(ended: Ended) -> Spoken:
    """Nobody was asked."""
    return Spoken(ended.answer, ended.outcome, ended.reason)


def dressed(scene: Scene, spoken: Spoken) -> str:
    """The answer in the tenant's template; bare where that has too much to do with it."""
    configuration = scene.agent.configuration
    if configuration.response_template is None or spoken.outcome is not TurnOutcome.ANSWERED:
        return spoken.answer
    known = {"answer": spoken.answer, "sources": list(spoken.sources), "name": configuration.name}
    try:
        return template.render(configuration.response_template, known | {"user": prompts.user(scene)})
    except TooMuchWork as error:
        log.warning("answer_left_bare", agent=scene.agent.agent, version=scene.agent.version, because=str(error))
        return spoken.answer


def greeting(scene: Scene) -> str | None:
    """Said before the first answer of a conversation."""
    return scene.agent.configuration.greeting if scene.conversation.turns == 0 else None


def added(scene: Scene, spoken: Spoken) -> Added:
    """What the conversation keeps: the greeting, what the user said, what tools were asked, and the answer."""
    greeted = greeting(scene)
    first = [Message("assistant", greeted)] if greeted else []
    messages = [*first, Message("user", scene.turn.message), *spoken.messages, Message("assistant", spoken.answer)]
    handed_off = spoken.outcome is TurnOutcome.HANDED_OFF and scene.conversation.state == "open"
    fitted = spoken.fitted
    summary = fitted.summary if fitted.summarised_to is not None else None
    return Added(messages, handed_off, spoken.reason, summary, fitted.summarised_to)


def result(scene: Scene, spoken: Spoken, answer: str) -> TurnResult:
    """What the caller is told."""
    return TurnResult(
        answer=answer,
        outcome=spoken.outcome,
        sources=tuple(dict.fromkeys(spoken.sources)),
        conversation=scene.turn.conversation,
        agent=scene.agent.agent,
        version=scene.agent.version,
        models=tuple(spoken.models),
        greeting=greeting(scene) or None,
        reason=spoken.reason or None,
        refused=tuple(spoken.refused),
    )

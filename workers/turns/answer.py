"""What comes out of a turn: the answer as the user gets it, what the conversation keeps, what the caller is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from shared.agents.conversations import Added
from shared.agents.messages import Message
from shared.agents.templates import template
from shared.agents.templates.template import TooMuchWork
from shared.contracts.results import ModelAsked, TurnOutcome, TurnResult
from workers.turns import prompts
from workers.turns.history import Fitted
from workers.turns.rules import Ended
from workers.turns.scene import Scene

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Conclusion:
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


def by_rule(ended: Ended) -> Conclusion:
    """Nobody was asked."""
    return Conclusion(ended.answer, ended.outcome, ended.reason)


def rendered(scene: Scene, conclusion: Conclusion) -> str:
    """The answer in the tenant's template; bare where that has too much to do with it."""
    configuration = scene.agent.configuration
    if configuration.response_template is None or conclusion.outcome is not TurnOutcome.ANSWERED:
        return conclusion.answer
    known = {"answer": conclusion.answer, "sources": list(conclusion.sources), "name": configuration.name}
    try:
        return template.render(configuration.response_template, known | {"user": prompts.user(scene)})
    except TooMuchWork as error:
        log.warning("answer_left_bare", agent=scene.agent.agent, version=scene.agent.version, because=str(error))
        return conclusion.answer


def greeting(scene: Scene) -> str | None:
    """Said before the first answer of a conversation."""
    return scene.agent.configuration.greeting if scene.conversation.turns == 0 else None


def added(scene: Scene, conclusion: Conclusion) -> Added:
    """What the conversation keeps: the greeting, what the user said, what tools were asked, and the answer."""
    greeted = greeting(scene)
    first = [Message("assistant", greeted)] if greeted else []
    messages = [
        *first,
        Message("user", scene.turn.message),
        *conclusion.messages,
        Message("assistant", conclusion.answer),
    ]
    handed_off = conclusion.outcome is TurnOutcome.HANDED_OFF and scene.conversation.state == "open"
    fitted = conclusion.fitted
    summary = fitted.summary if fitted.summarised_to is not None else None
    return Added(messages, handed_off, conclusion.reason, summary, fitted.summarised_to)


def result(scene: Scene, conclusion: Conclusion, answer: str) -> TurnResult:
    """What the caller is told."""
    return TurnResult(
        answer=answer,
        outcome=conclusion.outcome,
        sources=tuple(dict.fromkeys(conclusion.sources)),
        conversation=scene.turn.conversation,
        agent=scene.agent.agent,
        version=scene.agent.version,
        models=tuple(conclusion.models),
        greeting=greeting(scene) or None,
        reason=conclusion.reason or None,
        refused=tuple(conclusion.refused),
    )

"""Hooks of the operator's own: before a turn, and after its answer. Entry points of the group `headgate.hooks`.

They are what an operator holds every turn to, whatever its tenant configured: a word of context, a question that is not
to be answered, an answer that must not leave as it is. So a hook that fails, hangs or cannot be loaded fails the run;
nothing is answered without it. They run in the order of their names, each a step of the turn: a turn that is run again
sees what they said before, and calls them no more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.errors import HeadgateError
from shared.texts import storable
from workers.run.context import Context
from workers.turns.attempts import Exited, TookTooLong, Work, alone, too_many_hang
from workers.turns.entry_points import Broken, loaded

GROUP = "headgate.hooks"

#: Seconds that one hook may take.
SECONDS = 10.0

#: Characters of context that one hook may add, and of an answer that it gives.
CONTEXT, ANSWER = 4096, 65_536


class HookFailed(HeadgateError):  # noqa: N818 - it names what happened
    """A hook of the operator's failed, and so the run; the message says which."""


@dataclass(frozen=True)
class Turn:
    """What a hook is told of a turn."""

    tenant: str
    agent: str
    version: int
    user_identifier: str | None
    user_context: Mapping[str, Any]
    conversation: str
    message: str
    job: UUID


@dataclass(frozen=True)
class BeforeTurn:
    """What a hook says before a turn: a line of `context` for the model, or the `answer` that ends the turn."""

    context: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Before:
    """What all of them said. With an `answer` no model is asked."""

    context: Sequence[str] = ()
    answer: str | None = None


def before(context: Context, turn: Turn) -> Before:
    """Ask the hooks until one of them answers."""
    lines: list[str] = []
    for name, hook in _hooks("before_turn"):
        outcome = _step(context, f"hook.before.{name}", turn, _before_turn(context, name, hook, turn))
        if outcome["context"] is not None:
            lines.append(outcome["context"])
        if outcome["answer"] is not None:
            return Before(lines, outcome["answer"])
    return Before(lines)


def hold_answers_back() -> bool:
    """Whether a hook may change answers: then nobody hears of one before the hooks have let it go out."""
    return any(True for _ in _hooks("after_answer"))


def after(context: Context, turn: Turn, answer: str) -> str:
    """The answer as the hooks let it go out; each sees what those before it made of it."""
    for name, hook in _hooks("after_answer"):
        outcome = _step(context, f"hook.after.{name}", turn, _after_answer(context, name, hook, turn, answer))
        answer = outcome["answer"] if outcome["answer"] is not None else answer
    return answer


Hook = Callable[..., Any]
Make = Callable[[], dict[str, Any]]


def _hooks(method: str) -> Iterator[tuple[str, Hook]]:
    for name, found in loaded(GROUP).items():
        if isinstance(found, Broken):
            raise HookFailed(str(found))
        hook = getattr(found, method, None)
        if hook is not None:
            yield name, hook


def _step(context: Context, place: str, turn: Turn, make: Make) -> dict[str, Any]:
    outcome: dict[str, Any] = context.once(place, "hook", {"message": turn.message}, make, later=True)
    return outcome


def _before_turn(context: Context, name: str, hook: Hook, turn: Turn) -> Make:
    def make() -> dict[str, Any]:
        outcome = _called(context, name, lambda: hook(_own(turn)))
        if outcome is None:
            outcome = BeforeTurn()
        if not isinstance(outcome, BeforeTurn):
            raise HookFailed(f"hook {name!r} answered {type(outcome).__name__} before a turn, not BeforeTurn or None")
        return {"context": _text(name, outcome.context, CONTEXT), "answer": _text(name, outcome.answer, ANSWER)}

    return make


def _after_answer(context: Context, name: str, hook: Hook, turn: Turn, answer: str) -> Make:
    def make() -> dict[str, Any]:
        return {"answer": _text(name, _called(context, name, lambda: hook(_own(turn), answer)), ANSWER)}

    return make


def _own(turn: Turn) -> Turn:
    """What a hook does to it nobody else sees."""
    return replace(turn, user_context=deepcopy(turn.user_context))


def _called(context: Context, name: str, call: Callable[[], Any]) -> Any:
    if too_many_hang():
        raise HookFailed(f"hook {name!r} was not called: too many tools and hooks of this worker hang; start it anew")
    try:
        return alone(Work(name, call, min(SECONDS, max(0.0, context.seconds_left))), context.check)
    except (TookTooLong, Exited) as error:
        raise HookFailed(f"hook {name!r} {error}") from error
    except HeadgateError:
        raise
    except Exception as error:  # the boundary to the operator's code
        raise HookFailed(f"hook {name!r} failed: {type(error).__name__}: {error}") from error


def _text(name: str, text: Any, longest: int) -> str | None:
    """As it can be kept."""
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > longest:
        raise HookFailed(f"hook {name!r} answered no text, or one of more than {longest} characters")
    return storable(text)

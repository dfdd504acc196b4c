"""The calls of one round: made at the same time, each a step of the turn at the place `<round>.tool.<index>`.

Each runs in a thread of its own, but a lone one that surely ends by itself, which the turn's own thread makes. All are
journaled by the turn's own thread, each as soon as it has ended. So what a tool comes to that was left behind reaches
nobody, and what a tool did before its worker died is done again only where the journal does not have it: then with the
same idempotency key.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from math import isinf
from typing import Any

from shared.failpoints import reach
from workers.context import Context
from workers.turns.tools.calling import Asked, answered, failed, record
from workers.turns.tools.limits import Attempt, Exited, TookTooLong, Work, together

ToolOutcome = dict[str, Any]


def outcomes_of(context: Context, asked: Sequence[Asked]) -> Mapping[str, ToolOutcome]:
    """What came of the calls, by place; those that an earlier run finished are not made again."""
    fresh = [one for one in asked if context.past(one.place) is None]
    outcomes = {one.place: _journaled(context, one, {}) for one in asked if one not in fresh}
    context.unwritten.flush()  # before anything slow, and before anything is done because of it
    context.check()
    for one in fresh:
        context.emit("tool.called", {"step": one.place, "name": one.call["name"]})
    if len(fresh) == 1 and (fresh[0].tool is None or isinf(fresh[0].tool.timeout)):
        (lone,) = fresh
        return outcomes | {lone.place: _journaled(context, lone, answered(lone))}
    return outcomes | _together(context, fresh)


def _together(context: Context, fresh: Sequence[Asked]) -> dict[str, ToolOutcome]:
    """Those that end are journaled, whatever becomes of the others; then what fails the run is raised."""
    by_place = {one.place: one for one in fresh}
    works = [Work(one.place, partial(answered, one), one.use.seconds) for one in fresh]
    outcomes, errors = dict[str, ToolOutcome](), list[Exception]()
    with closing(together(works, context.check)) as attempts:
        for attempt in attempts:
            one = by_place[attempt.work.name]
            try:
                outcome = _result(attempt)
            except Exception as stop:  # noqa: BLE001 - raised below, when the others have ended
                errors.append(stop)
                continue
            last = len(outcomes) + len(errors) + 1 == len(fresh)
            outcomes[one.place] = _journaled(context, one, outcome, later=last)
    for error in errors:
        raise error
    return outcomes


def _result(attempt: Attempt[ToolOutcome]) -> ToolOutcome:
    try:
        return attempt.result()
    except (TookTooLong, Exited) as error:
        return failed(str(error))


def _journaled(context: Context, asked: Asked, outcome: ToolOutcome, *, later: bool = True) -> ToolOutcome:
    """As the journal has it. `later`: nothing slow comes before the next commit of the run."""

    def made() -> ToolOutcome:
        reach("after_tool")
        record(asked, outcome)
        told = {"step": asked.place, "name": asked.call["name"]}
        context.emit("tool.finished", told | ({"error": outcome["error"]} if "error" in outcome else {}))
        return outcome

    kept: ToolOutcome = context.free(asked.place, "tool", asked.call, made, later=later, done=True)
    return kept

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
from workers.run.context import Context
from workers.turns.attempts import Attempt, Exited, TookTooLong, Work, together
from workers.turns.tools.calling import ToolCall, answered, failed, record

ToolOutcome = dict[str, Any]


def outcomes_of(context: Context, calls: Sequence[ToolCall]) -> Mapping[str, ToolOutcome]:
    """What came of the calls, by place; those that an earlier run finished are not made again."""
    fresh = [call for call in calls if context.past(call.place) is None]
    outcomes = {call.place: _replayed(context, call) for call in calls if call not in fresh}
    context.about_to_wait()
    for call in fresh:
        context.emit("tool.called", {"step": call.place, "name": call.name})
    if len(fresh) == 1 and (fresh[0].tool is None or isinf(fresh[0].tool.timeout)):
        (lone,) = fresh
        return outcomes | {lone.place: _journaled(context, lone, answered(lone))}
    return outcomes | _together(context, fresh)


def _together(context: Context, fresh: Sequence[ToolCall]) -> dict[str, ToolOutcome]:
    """Those that end are journaled, whatever becomes of the others; then what fails the run is raised."""
    by_place = {call.place: call for call in fresh}
    works = [Work(call.place, partial(answered, call), call.use.seconds) for call in fresh]
    outcomes, errors = dict[str, ToolOutcome](), list[Exception]()
    with closing(together(works, context.check)) as attempts:
        for attempt in attempts:
            call = by_place[attempt.work.name]
            try:
                outcome = _result(attempt)
            except Exception as stop:  # noqa: BLE001 - raised below, when the others have ended
                errors.append(stop)
                continue
            last = len(outcomes) + len(errors) + 1 == len(fresh)
            outcomes[call.place] = _journaled(context, call, outcome, later=last)
    for error in errors:
        raise error
    return outcomes


def _result(attempt: Attempt[ToolOutcome]) -> ToolOutcome:
    try:
        return attempt.result()
    except (TookTooLong, Exited) as error:
        return failed(str(error))


def _replayed(context: Context, call: ToolCall) -> ToolOutcome:
    """As an earlier run has it."""
    outcome: ToolOutcome = context.once(call.place, "tool", call.written, partial(answered, call))
    return outcome


def _journaled(context: Context, call: ToolCall, outcome: ToolOutcome, *, later: bool = True) -> ToolOutcome:
    """`later`: nothing slow comes before the next commit of the run."""
    reach("after_tool")
    record(call, outcome)
    finished = {"step": call.place, "name": call.name}
    context.emit("tool.finished", finished | ({"error": outcome["error"]} if "error" in outcome else {}))
    context.acted(call.place, "tool", call.written, outcome, later=later)
    return outcome

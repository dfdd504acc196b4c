"""How a run ends: one transaction writes the result with its effects, children and answer, or lets the job wait."""

import random
from dataclasses import dataclass, replace
from typing import Any

from shared import outbox
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.failpoints import reach
from shared.gate.values import Ending, How, Need
from shared.intake import Committed
from shared.ledger import ends
from shared.ledger.ends import Written
from shared.ledger.jobs import NewJob
from shared.ledger.runs import Effects
from shared.ledger.states import FINAL, State
from shared.stores.postgres import Connection
from shared.telemetry import metrics
from workers.context import Context
from workers.holding import OverBudget
from workers.outcomes import Discard, Done, Outcome, Retry, Snooze, nothing

#: Longest wait between two runs, in seconds.
LONGEST_BACKOFF = 300.0


@dataclass(frozen=True)
class End:
    """What is to be written. `failed` counts against the failures allowed; `how` is what the gate is told.

    `after`: seconds until the next run, on the clocks of gate and ledger; this process's own may be wrong.
    """

    state: State
    how: How = "done"
    result: dict[str, Any] | None = None
    error: str | None = None
    failed: bool = False
    after: float = 0.0
    need: Need | None = None
    effects: Effects = nothing
    children: tuple[NewJob, ...] = ()


#: The worker stops: the job waits where it was, unharmed.
HANDED_BACK = End(State.WAITING, how="back")

#: Somebody asked for it.
CANCELLED = End(State.CANCELLED)


def end_of(outcome: Outcome, *, failures: int, allowed: int) -> End:
    """`failures`: how often the job has failed before this run; at `allowed` it is dead."""
    match outcome:
        case Done(result, effects, children):
            return End(State.DONE, result=result, effects=effects, children=tuple(children))
        case Discard(error):
            return End(State.DISCARDED, error=error)
        case Snooze(seconds):
            return End(State.WAITING, how="retry", after=seconds)
        case Retry(error, after) if failures + 1 < allowed:
            after = backoff(failures) if after is None else after
            return End(State.WAITING, how="retry", error=error, failed=True, after=after)
        case Retry(error):
            return End(State.DEAD, error=error, failed=True)


def out_of_room(over: OverBudget) -> End:
    """The job waits until its budgets have room, unharmed; it is denied where that never comes or nobody is to wait."""
    if over.shortage.never or over.shortage.over == "deny":
        return End(State.DENIED, error=str(over))
    return End(State.WAITING, how="back", error=str(over), need=over.need)


def write(end: End, context: Context, cell: Cell) -> Ending:
    """Commit the end of a run; answers what the gate must be told. `Fenced` where the job has moved on.

    All of it is sent at once, and waited for once. What stands beside the end of the job itself is written only where
    that is (`ends`, `outbox`), or after it was waited for (effects and children).
    """
    run, children = context.run, list[Committed]()
    with cell.database.transaction(run.tenant, pipelined=True) as connection:
        if end.state not in FINAL:
            written = ends.wait_again(connection, run.lease, after=end.after, error=end.error, failed=end.failed)
            end = end if written.made else replace(CANCELLED, error=end.error)  # or fenced, as the finish will find
        if end.state in FINAL:
            written = ends.finish(
                connection, run.lease, end.state, result=end.result, error=end.error, failed=end.failed
            )
            children = _write_effects(connection, written, end, cell)
            data = FinishedData(job=run.job, state=end.state.value, result=end.result, error=end.error)
            outbox.finished(connection, run, data)
        if context.has_paid:
            ends.lose_open_intents(connection, run.lease)
    written.check()
    reach("after_finish")
    cell.intake.offer(children)
    return _told(end, context, cell)


def _write_effects(connection: Connection, written: Written, end: End, cell: Cell) -> list[Committed]:
    if end.effects is nothing and not end.children:
        return []
    written.check()
    end.effects(connection)
    recorded = [cell.intake.record_child(connection, child) for child in end.children]
    return [child for child in recorded if child is not None]


def _told(end: End, context: Context, cell: Cell) -> Ending:
    run = context.run
    if end.state in FINAL and run.reply_to is not None:
        cell.wakeups.ring(outbox.BELL)
    outcome = end.state.value if end.state in FINAL else end.how
    metrics.JOBS_FINISHED.labels(kind=run.kind, tier=context.tenant.tier, outcome=outcome).inc()
    return Ending(run.lease, cost=context.cost, how=end.how, after=end.after, need=end.need)


def backoff(failures: int) -> float:
    """Seconds until the next run: about 1, 2, 4 … at most 300, each within half and full, so that a herd spreads."""
    return min(LONGEST_BACKOFF, 2.0**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing

"""How a run ends: one transaction writes the result with its effects, children and answer, or lets the job wait."""

import random
from dataclasses import dataclass, replace
from typing import Any

from shared import outbox
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.contracts.events import TURN_FINISHED
from shared.failpoints import reach
from shared.gate.values import Ending, How, Need
from shared.intake import Committed
from shared.ledger import ends
from shared.ledger.ends import Finish
from shared.ledger.jobs import NewJob
from shared.ledger.runs import Effects
from shared.ledger.states import FINAL, State
from shared.telemetry import metrics
from shared.texts import storable
from workers.outcomes import Discard, Done, Outcome, Retry, Snooze, nothing
from workers.run.context import Context
from workers.run.reservations import OverBudget

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
            return End(State.DONE, result=result.written(), effects=effects, children=tuple(children))
        case Discard(error):
            return End(State.DISCARDED, error=error)
        case Snooze(seconds, why):
            return End(State.WAITING, how="retry", error=why, after=seconds)
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
    """Commit the end of a run; answers what the gate must be told. `Fenced` where the job has moved on."""
    children: list[Committed] = []
    end = replace(end, error=storable(end.error) if end.error else None)  # whatever raised it chose its words
    if end.state not in FINAL:
        if context.unwritten:
            context.unwritten.commit(nothing)  # not flushed: a run that was stopped may not wait for the ledger there
        if not _waits(end, context, cell):
            end = replace(CANCELLED, error=end.error)
    if end.state in FINAL:
        children = _finish(end, context, cell)
    reach("after_finish")
    cell.intake.offer(children)
    return _told(end, context, cell)


def _waits(end: End, context: Context, cell: Cell) -> bool:
    """False where somebody asked to cancel the job; or where another run has it, which its finish will find."""
    lease = context.run.lease
    with cell.database.transaction(lease.tenant) as connection:
        return ends.wait_again(connection, lease, after=end.after, error=end.error, failed=end.failed)


def _finish(end: End, context: Context, cell: Cell) -> list[Committed]:
    """One statement where there is nothing to write beside the end; one pipeline where there is.

    The outcomes of the last steps come before the end, which takes every call that is still open for lost.
    """
    run = context.run
    data = FinishedData(job=run.job, state=end.state.value, result=end.result, error=end.error)
    told = outbox.finished(run, data)
    finish = Finish(end.state, end.result, end.error, failed=end.failed, paid=context.has_paid, message=told)
    if end.effects is nothing and not end.children and not context.unwritten:
        with cell.database.connection() as connection:
            ends.finish(connection, run.lease, finish)
        return []
    transaction = cell.database.transaction(run.tenant, pipelined=True)
    with context.unwritten.within(transaction, last=True) as connection:
        ends.finish(connection, run.lease, finish)
        end.effects(connection)
        recorded = [cell.intake.record_child(connection, child) for child in end.children]
    return [child for child in recorded if child is not None]


def _told(end: End, context: Context, cell: Cell) -> Ending:
    run = context.run
    if end.state in FINAL:
        context.emit(TURN_FINISHED, {"state": end.state.value, "result": end.result, "error": end.error})
        if run.reply_to is not None:
            cell.wakeups.ring(outbox.BELL)
    outcome = end.state.value if end.state in FINAL else end.how
    metrics.JOBS_FINISHED.labels(kind=run.kind, tier=context.tenant.tier, outcome=outcome).inc()
    return Ending(
        run.lease, cost=context.cost, how=end.how, after=end.after, need=end.need, draws=context.unwritten.unsettled
    )


def backoff(failures: int) -> float:
    """Seconds until the next run: about 1, 2, 4 … at most 300, each within half and full, so that a herd spreads."""
    return min(LONGEST_BACKOFF, 2.0**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing

"""A job's life in a worker, on one page: permit, claim, start, run, finish, next.

    serve ─ claim ─▶ start ─▶ run (room function) ─▶ end (one transaction) ─▶ next ─▶ start …
                       │            │                  done · retry · snooze · discard · dead
                       ▼            ▼
                 over: release   interrupted: hand back, or leave it to the fence

An awake slot goes on with *next* until the gate has nothing for it, its worker stops or its time awake is over.
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from shared.cell import Cell
from shared.clock import monotonic
from shared.errors import Unavailable
from shared.failpoints import Point, reach
from shared.gate.gate import GateClosed, GateFull
from shared.gate.values import Answered, Ending, Lease
from shared.ledger import ends, runs
from shared.ledger.runs import Fenced, Run
from shared.ledger.states import State
from shared.telemetry import metrics
from workers.lease import Heartbeat
from workers.outcomes import Outcome, Retry, Snooze
from workers.registry import RoomFunction
from workers.run import ending, raised
from workers.run.context import Context
from workers.run.ending import CANCELLED, End
from workers.run.starting import AWAY, BEHIND, UNREAD, Starter
from workers.run.suspects import Suspects

#: Seconds for which the end of a run is tried to be written; then the lease runs out and another run begins.
PATIENCE = 60.0

log = structlog.get_logger(__name__)


class Executor:
    """Runs jobs in the slots of one process.

    Once `stopping` is set no job is claimed; once `handing_back` is set, those that run are handed back at their next
    step.
    """

    def __init__(
        self,
        cell: Cell,
        rooms: Callable[[str], RoomFunction],
        heartbeat: Heartbeat,
        *,
        worker: str,
        lanes: Sequence[str],
        run_on_seconds: float,
        stopping: threading.Event,
        handing_back: threading.Event,
    ) -> None:
        self._cell, self._rooms, self._heartbeat = cell, rooms, heartbeat
        self._worker, self._lanes, self._run_on_seconds = worker, lanes, run_on_seconds
        self._stopping, self._starter = stopping, Starter(cell, heartbeat, handing_back=handing_back)
        self._suspects = Suspects()

    def serve(self, permit: str) -> int:
        """Take a permit of this lane and run jobs until there is nothing to do; answers how many."""
        asleep_at, jobs = monotonic() + self._run_on_seconds, 0
        lease = None if self._stopping.is_set() else self._claim(permit)
        while lease is not None:
            jobs += 1
            try:
                end = self.run(lease)
            finally:
                self._heartbeat.drop(lease)
            if end is None or monotonic() >= asleep_at or self._stopping.is_set():
                self._release(end)
                return jobs
            lease = self._next(end)
        return jobs

    def run(self, lease: Lease) -> Ending | None:
        """One run of a leased job, from start to finish; None where the lease is not this worker's any more."""
        context = self._starter.start(lease)
        if not isinstance(context, Context):
            return context
        run = context.run
        metrics.JOB_WAIT.labels(kind=run.kind, tier=context.tenant.tier).observe(run.waited)
        with metrics.JOB_RUN.labels(kind=run.kind, tier=context.tenant.tier).time():
            end = self._end(context, run)
        told = None if end is None else self._write(end, context)
        if told is None:
            context.unwritten.abandon()
        return told

    def _end(self, context: Context, run: Run) -> End | None:
        """How the run ends; None where it was lost to another."""
        allowed = self._cell.settings.failures_allowed
        if run.cancelled:
            return CANCELLED
        if run.failures >= allowed:
            return End(State.DEAD, error=f"its worker died while it ran; it failed {run.failures} times")
        with self._suspects.admitted(run) as admitted:
            outcome = self._outcome(context, run) if admitted else Snooze(BEHIND)
        if outcome is None or isinstance(outcome, End):
            return outcome
        return ending.end_of(outcome, failures=run.failures, allowed=allowed)

    def _outcome(self, context: Context, run: Run) -> Outcome | End | None:
        """What the room comes to."""
        if isinstance(context.payload, str):
            return Snooze(UNREAD, f"a worker of another version is awaited: {context.payload}")
        try:
            return self._rooms(run.kind)(context, context.payload)
        except raised.STOPPED as stop:
            return raised.end_of(stop)
        except Exception as error:  # the boundary to room code: whatever it raises fails this run only
            log.warning("run failed", job=str(run.job), kind=run.kind, error=str(error), exc_info=True)
            return raised.outcome_of(error)

    def _write(self, end: End, context: Context) -> Ending | None:
        """Commit how the run ended; where the ledger is away, again until it is back or the lease is over."""
        lease, give_up = context.run.lease, monotonic() + PATIENCE
        while self._heartbeat.alive(lease) and monotonic() < give_up:
            try:
                return self._written(end, context)
            except Unavailable as error:
                log.warning("the end of a run is not written yet", job=str(lease.job), error=str(error))
                threading.Event().wait(AWAY / 4)
            except Exception as error:  # the effects, which are the room's, could not be written: the run failed
                log.warning("the end of a run cannot be stored", job=str(lease.job), error=str(error), exc_info=True)
                failed = Retry(f"the result could not be stored: {error}")
                allowed = self._cell.settings.failures_allowed
                end = ending.end_of(failed, failures=context.run.failures, allowed=allowed)
                threading.Event().wait(AWAY / 4)
        return None

    def _written(self, end: End, context: Context) -> Ending | None:
        """If the job has ended, perhaps by this run and unheard, the gate may forget it; else it is another's."""
        lease = context.run.lease
        try:
            return ending.write(end, context, self._cell)
        except Fenced:
            if not runs.is_over(self._cell.database, lease):
                return None
        self._starter.tell_end(lease)
        return Ending(lease, cost=context.cost)

    def hand_back(self, lease: Lease) -> None:
        """Give up a run from outside, because its worker must stop now: the job waits where it was, unharmed."""
        with self._cell.database.transaction(lease.tenant) as connection:
            waits = ends.wait_again(connection, lease, after=0, error=None, failed=False)
        if waits:
            self._release(Ending(lease, cost=0, how="back"))

    # --- at the gate ----------------------------------------------------------

    def _claim(self, permit: str) -> Lease | None:
        seconds = self._cell.settings.lease_seconds
        return self._asked(
            lambda: self._cell.gate.claim(self._worker, self._lanes, seconds, permit=permit), "after_claim"
        )

    def _next(self, ending: Ending) -> Lease | None:
        seconds = self._cell.settings.lease_seconds
        return self._asked(lambda: self._cell.gate.next(ending, self._worker, self._lanes, seconds), *_points(ending))

    def _release(self, ending: Ending | None) -> None:
        if ending is not None:
            self._asked(lambda: self._cell.gate.release(ending), *_points(ending))

    def _asked(self, operation: Callable[[], Answered], *then: Point) -> Lease | None:
        """Ask the gate, keep the lease it gives and publish the permits it owes."""
        since = monotonic()
        try:
            answered = operation()
        except (GateClosed, GateFull, Unavailable) as error:
            log.warning("the gate does not answer; what is held runs out by itself", error=str(error))
            return None
        for point in then:
            reach(point)
        if answered.lease is not None:
            self._heartbeat.hold(answered.lease, since)
        self._cell.permits.publish(answered.permits)
        return answered.lease


def _points(ending: Ending) -> Sequence[Point]:
    """What a run has reached once the gate has taken its end."""
    return ("after_settle", "after_release") if ending.draws else ("after_release",)

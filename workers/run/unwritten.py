"""Outcomes of a run's steps that wait to be committed, so that one commit serves them and what comes next.

What comes next is the next intent, or the end of the run. Nothing slow may lie between: whoever is about to be slow, or
stops, writes them first. A process that dies here loses what it would have lost a moment before: a call without its
outcome is unknown, and is made again.

Where another run has the job by now, or an outcome cannot be stored, no run will see it, but its draw goes on record.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog

from shared.errors import HeadgateError, Unavailable
from shared.failpoints import reach
from shared.gate.values import Draw, Lease
from shared.ledger import journal
from shared.ledger.journal import Step
from shared.ledger.runs import Effects, Fenced, fenced_transaction, fencing
from shared.metering.prices import Tokens
from shared.stores.postgres import Connection, Database
from workers.outcomes import nothing

#: Seconds between two attempts to write while the ledger is away.
AWAY = 0.5

Written = TypeVar("Written")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StepOutcome:
    """Of a step. `tokens` and `drawn`: of a paid one, with its `effects`; None: it cost nothing by itself."""

    step: Step
    outcome: dict[str, object]
    tokens: Tokens | None = None
    drawn: Draw | None = None
    effects: Effects = nothing

    def write(self, connection: Connection, lease: Lease) -> None:
        if self.tokens is None or self.drawn is None:
            return journal.note(connection, lease, self.step, self.outcome)
        journal.answer(connection, lease, self.step, self.tokens, self.outcome, nano=self.drawn.nanos)
        return self.effects(connection)


class Unwritten:
    """Of one run; its threads take turns. `settle` is told what was drawn, once that is committed.

    `unsettled`: what was committed with the run's end, which the gate is told with it (`Ending.draws`).
    """

    def __init__(
        self, database: Database, lease: Lease, *, guard: Callable[[], None], settle: Callable[[Step, Draw], None]
    ) -> None:
        self._database, self._lease = database, lease
        self._guard, self._settle = guard, settle
        self._lock = threading.RLock()
        self._waiting: list[StepOutcome] = []
        self.unsettled: list[tuple[str, Draw]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, outcome: StepOutcome) -> None:
        with self._lock:
            self._waiting.append(outcome)

    def flush(self) -> None:
        """Commit what waits; where the ledger is away, again until it is back or the run may not go on."""
        while self._waiting:
            try:
                self.commit(nothing)
            except Unavailable as error:
                log.warning("an outcome is not written yet", job=str(self._lease.job), error=str(error))
                threading.Event().wait(AWAY)
                self._guard()

    def commit(self, also: Callable[[Connection], Written]) -> Written:
        """Commit what waits, and what else is written here, in one transaction that holds the run's job."""
        with self.within(fenced_transaction(self._database, self._lease)) as connection:
            return also(connection)

    @contextmanager
    def within(self, transaction: AbstractContextManager[Connection], *, last: bool = False) -> Iterator[Connection]:
        """The transaction, with what waits written in it first; raises what it raises. `last`: it ends the run."""
        with self._lock:
            try:
                with fencing(self._lease), transaction as connection:
                    for outcome in self._waiting:
                        outcome.write(connection, self._lease)
                    yield connection
            except Fenced:
                self._write_draws()
                raise
            except HeadgateError:
                raise
            except Exception:  # something here cannot be stored, whatever says so
                self._write_each()
                raise
            written, self._waiting = self._waiting, []
        if last:
            self._leave(written)
        else:
            self._settle_all(written)

    def abandon(self) -> None:
        """The run is over for this process: what was drawn goes on record as well as can be."""
        try:
            if self._waiting:
                self.commit(nothing)
        except Fenced:
            return
        except Exception as error:  # noqa: BLE001 - it counts as unknown, at its worst, when the job runs again
            log.warning("what a run drew is not on record", job=str(self._lease.job), error=str(error))

    def _write_each(self) -> None:
        """What is sound, for a replay; of what is not, the draw. What the ledger has not taken waits on."""
        while self._waiting:
            outcome = self._waiting[0]
            try:
                with fenced_transaction(self._database, self._lease) as connection:
                    outcome.write(connection, self._lease)
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - as above
                self._write_draw(outcome)
            self._settle_all([self._waiting.pop(0)])

    def _write_draws(self) -> None:
        """Without what came of it, which is for the holder of the job alone."""
        while self._waiting:
            self._write_draw(self._waiting[0])
            self._settle_all([self._waiting.pop(0)])

    def _write_draw(self, outcome: StepOutcome) -> None:
        if outcome.tokens is None or outcome.drawn is None:
            return
        with self._database.transaction(self._lease.tenant) as connection:
            journal.answer(connection, self._lease, outcome.step, outcome.tokens, None, nano=outcome.drawn.nanos)

    def _leave(self, written: list[StepOutcome]) -> None:
        for outcome in written:
            if outcome.drawn is not None:
                reach("after_outcome")
                self.unsettled.append((outcome.step.call_id, outcome.drawn))

    def _settle_all(self, written: list[StepOutcome]) -> None:
        for outcome in written:
            if outcome.drawn is not None:
                reach("after_outcome")
                self._settle(outcome.step, outcome.drawn)
                reach("after_settle")

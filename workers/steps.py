"""The paid step: intent, reserve, call, outcome, settle. The one place where a paid call is made.

Before the call one short commit says what is about to be called and what it may draw at worst, and the budgets hold
that; after it one commit says what was drawn and what came of it, and that is settled. Whatever dies in between, the
draw is on record and the reservation ends. A step is known by its place in the job: a later run that finds the place
answered replays the answer and calls nothing.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
import psycopg
import structlog

from shared import clock
from shared.errors import ConfigurationError, HeadgateError, Unavailable
from shared.failpoints import reach
from shared.gate.values import Draw
from shared.ledger import journal
from shared.ledger.journal import Past, Step
from shared.ledger.runs import Effects, Fenced, Run, holding
from shared.metering.prices import Prices, Tokens
from shared.stores.postgres import Database
from workers.holding import Holding
from workers.interruption import Interrupted
from workers.outcomes import nothing

#: Seconds between two attempts to write an outcome while the ledger is away.
AWAY = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reply:
    """What a provider answered: `outcome` is what a replay needs, `drawn` what the provider reports."""

    outcome: dict[str, Any]
    drawn: Tokens
    effects: Effects = nothing


@dataclass(frozen=True)
class Call:
    """A paid call to be made. `make` gets the call id, which it must send as the client's request id."""

    kind: str
    model: str
    request: Mapping[str, Any]
    worst: Tokens
    make: Callable[[str], Reply]


class CallFailed(HeadgateError):  # noqa: N818 - it names what happened
    """The provider answered that it will not serve this call, or was never reached: nothing was drawn."""

    def __init__(self, message: str, *, retry: bool, after: float | None = None) -> None:
        super().__init__(message)
        self.retry, self.after = retry, after


class CallLost(HeadgateError):  # noqa: N818 - as above
    """The call went out and its answer did not arrive: it may have been drawn."""


class Steps:
    """The steps of one run."""

    def __init__(
        self,
        database: Database,
        prices: Prices,
        run: Run,
        holding: Holding,
        *,
        guard: Callable[[], None],
        charge: Callable[[float], None],
    ) -> None:
        self._database, self._prices, self._run, self._holding = database, prices, run, holding
        self._guard, self._charge = guard, charge
        self._calls: Counter[str] = Counter()

    @cached_property
    def _past(self) -> Mapping[str, Past]:
        """What earlier runs were answered; a first run has no past."""
        return journal.answered(self._database, self._run.lease) if self._run.number > 1 else {}

    def paid(self, place: str, call: Call) -> dict[str, Any]:
        """The answer at this place: replayed if an earlier run has it, else called for and journaled."""
        step = self._step(place, call.kind, call.request, model=call.model, worst=call.worst)
        if (past := self._replayed(step)) is not None:
            return past
        begun = clock.now()  # worst case and draw are priced alike, so that the one bounds the other
        step = replace(step, worst_nano=self._prices.cost(call.model, call.worst, begun).total)  # no price, no call
        self._guard()
        self._reserve(step, journal.intend(self._database, self._run.lease, step))
        reply = self._call(step, call)
        drawn = Draw(reply.drawn.total, self._prices.cost(call.model, reply.drawn, begun).total)
        self._charge(cost_of(reply.drawn))
        self._write_outcome(step, reply, drawn)
        reach("after_outcome")
        self._holding.settle(step, drawn)
        reach("after_settle")
        return reply.outcome

    def free(self, place: str, kind: str, made_from: Mapping[str, Any], make: Callable[[], dict[str, Any]]) -> Any:
        """The outcome of a step that costs nothing by itself: made once, replayed after."""
        step = self._step(place, kind, made_from)
        if (past := self._replayed(step)) is not None:
            return past
        self._guard()
        outcome = make()
        journal.note(self._database, self._run.lease, step, outcome)
        return outcome

    def _reserve(self, step: Step, intended_at: datetime) -> None:
        """Hold the worst case. Where the call may not be made, its intent is void."""
        reach("after_intent")
        try:
            self._holding.reserve(step, intended_at)
            self._guard()
        except HeadgateError as error:
            try:
                journal.void(self._database, self._run.lease, step, str(error))
            except Unavailable as away:  # it counts as unknown, at its worst, when the run ends
                log.warning("an intent is not void yet", place=step.place, error=str(away))
            raise
        reach("after_reserve")

    def _call(self, step: Step, call: Call) -> Reply:
        try:
            reply = call.make(step.call_id)
        except (CallLost, CallFailed, ConfigurationError, Interrupted) as error:
            try:
                self._write_failure(step, error)
            except Unavailable as away:  # it counts as unknown, at its worst, when the run ends
                log.warning("a call without an answer is not journaled yet", place=step.place, error=str(away))
            raise
        reach("after_call")
        return reply

    def _write_failure(self, step: Step, error: HeadgateError) -> None:
        """Commit that the call may have been drawn, or that it surely was not: refused, or never sent."""
        if isinstance(error, CallLost) or (isinstance(error, Interrupted) and error.sent):
            journal.lose(self._database, self._run.lease, step, str(error))
        else:
            journal.fail(self._database, self._run.lease, step, str(error))
            self._holding.settle(step, Draw(0, 0))

    def _step(self, place: str, kind: str, made_from: Mapping[str, Any], **paid: Any) -> Step:
        self._calls[place] += 1
        call_id = f"{self._run.job}/{place}/{self._run.number}/{self._calls[place]}"
        return Step(call_id, place, self._run.number, kind, _hash(made_from), **paid)

    def _replayed(self, step: Step) -> dict[str, Any] | None:
        past = self._past.get(step.place)
        if past is None:
            return None
        if past.input_hash != step.input_hash:
            log.warning("a replayed step was asked for with other input", place=step.place, job=str(self._run.job))
        return past.outcome

    def _write_outcome(self, step: Step, reply: Reply, drawn: Draw) -> None:
        """Commit the outcome; where the ledger is away, again until it is back or the run is over."""
        while True:
            try:
                return self._write_once(step, reply, drawn.nanos)
            except Unavailable as error:
                log.warning("an outcome is not written yet", place=step.place, error=str(error))
                threading.Event().wait(AWAY)
                self._guard()

    def _write_once(self, step: Step, reply: Reply, nano: int) -> None:
        lease = self._run.lease
        try:
            with holding(self._database, lease) as connection:
                journal.answer(connection, lease, step, reply.drawn, reply.outcome, nano=nano)
                reply.effects(connection)
        except (Fenced, psycopg.Error):
            # Another run has the job, or the answer cannot be stored: no run will see it, but its draw goes on record.
            with self._database.transaction(lease.tenant) as connection:
                journal.answer(connection, lease, step, reply.drawn, None, nano=nano)
            raise


def cost_of(drawn: Tokens) -> float:
    """What fairness counts of a call: tokens in + 2 x tokens out (VTC, OSDI'24)."""
    return drawn.input + 2 * drawn.output


def _hash(made_from: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(orjson.dumps(made_from, option=orjson.OPT_SORT_KEYS)).digest()

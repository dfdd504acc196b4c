"""The paid step: intent, reserve, call, outcome, settle. The one place where a paid call is made.

Before the call one short commit says what is about to be called and what it may draw at worst, and the budgets hold
that; after it one commit says what was drawn and what came of it, and that is settled. Whatever dies in between, the
draw is on record and the reservation ends. A step is known by its place in the job: a later run that finds the place
answered replays the answer and calls nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
import structlog

from shared import clock
from shared.errors import ConfigurationError, HeadgateError, Unavailable
from shared.failpoints import reach
from shared.gate.values import Draw
from shared.ledger import journal
from shared.ledger.journal import Past, Step
from shared.ledger.runs import Run
from shared.ledger.states import StepKind
from shared.metering.prices import Prices, Tokens
from shared.stores.postgres import Database
from workers.calls import Call, CallFailed, CallLost, Reply, cost_of
from workers.interruption import Interrupted
from workers.run.reservations import Reservations
from workers.run.unwritten import StepOutcome, Unwritten

log = structlog.get_logger(__name__)


class Steps:
    """The steps of one run; its tools may make theirs at the same time, each in a thread of its own.

    `later`: the outcome may wait for the run's next commit (`workers.run.unwritten`), for nothing slow comes before.
    """

    def __init__(
        self,
        database: Database,
        prices: Prices,
        run: Run,
        reservations: Reservations,
        *,
        guard: Callable[[], None],
        charge: Callable[[float], None],
    ) -> None:
        self._database, self._prices, self._run, self._reservations = database, prices, run, reservations
        self._guard, self._charge = guard, charge
        self._calls: Counter[str] = Counter()
        self.unwritten = Unwritten(database, run.lease, guard=guard, settle=reservations.settle)

    @cached_property
    def _past(self) -> Mapping[str, Past]:
        """What earlier runs were answered; a first run has no past."""
        return journal.answered(self._database, self._run.lease) if self._run.number > 1 else {}

    def past(self, place: str) -> dict[str, Any] | None:
        """What an earlier run was answered at this place."""
        return self._past[place].outcome if place in self._past else None

    def paid(self, place: str, call: Call, *, later: bool = False) -> dict[str, Any]:
        """The answer at this place: replayed if an earlier run has it, else called for and journaled."""
        step = self._step(place, call.kind, call.request, call)
        if (past := self._replayed(step)) is not None:
            return past
        begun = clock.now()  # worst case and draw are priced alike, so that the one bounds the other
        step = replace(step, worst=call.worst, worst_nano=self._cost(call, call.worst, begun))  # no price, no call
        self._guard()
        self._reserve(step, self._intend(step), call)
        reply = self._call(step, call)
        drawn = Draw(reply.drawn.total, self._cost(call, reply.drawn, begun))
        self._reservations.compare(step, drawn)
        self._charge(cost_of(reply.drawn))
        self._keep(StepOutcome(step, reply.outcome, reply.drawn, drawn, reply.effects), later=later)
        return reply.outcome

    def hit(self, place: str, call: Call, outcome: dict[str, Any]) -> dict[str, Any]:
        """The answer at this place, where it is known without a call: nothing is drawn, and that is on record."""
        step = self._step(place, call.kind, call.request, call)
        if (past := self._replayed(step)) is not None:
            return past
        self._keep(StepOutcome(step, outcome), later=True)
        return outcome

    def once(
        self,
        place: str,
        kind: StepKind,
        made_from: Mapping[str, Any],
        make: Callable[[], dict[str, Any]],
        *,
        later: bool,
    ) -> Any:
        """The outcome of a step that costs nothing by itself: made once, replayed after."""
        step = self._step(place, kind, made_from)
        if (past := self._replayed(step)) is not None:
            return past
        self.about_to_wait()
        outcome = make()
        self._keep(StepOutcome(step, outcome), later=later)
        return outcome

    def acted(
        self, place: str, kind: StepKind, made_from: Mapping[str, Any], outcome: dict[str, Any], *, later: bool
    ) -> None:
        """A step that has acted by now, and that no earlier run has: on record also where the run may not go on."""
        self._keep(StepOutcome(self._step(place, kind, made_from), outcome), later=later)

    def about_to_wait(self) -> None:
        """Commit what waits to be, for something slow comes next; raise where the run may not go on."""
        self.unwritten.flush()
        self._guard()

    def _keep(self, outcome: StepOutcome, *, later: bool) -> None:
        self.unwritten.add(outcome)
        if not later:
            self.unwritten.flush()

    def _intend(self, step: Step) -> datetime:
        """Commit the intent, and what waits to be written; answers when that was."""
        return self.unwritten.commit(lambda connection: journal.intend(connection, self._run.lease, step)).at

    def _cost(self, call: Call, tokens: Tokens, at: datetime) -> int:
        """In nano-dollars; what a tenant's own key pays for costs the platform nothing."""
        return self._prices.cost(call.model, tokens, at).total if call.billed_to == "platform" else 0

    def _reserve(self, step: Step, intended_at: datetime, call: Call) -> None:
        """Hold the worst case. Where the call may not be made, its intent is void."""
        reach("after_intent")
        try:
            call.check(self._reservations.reserve(step, intended_at))
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
            self._reservations.settle(step, Draw(0, 0))

    def _step(self, place: str, kind: StepKind, made_from: Mapping[str, Any], call: Call | None = None) -> Step:
        self._calls[place] += 1  # a place belongs to one thread
        call_id = f"{self._run.job}/{place}/{self._run.number}/{self._calls[place]}"
        step = Step(call_id, place, self._run.number, kind, _hash(made_from))
        if call is None:
            return step
        return replace(step, model=call.model, provider=call.provider, billed_to=call.billed_to)

    def _replayed(self, step: Step) -> dict[str, Any] | None:
        past = self._past.get(step.place)
        if past is None:
            return None
        if past.input_hash != step.input_hash:
            log.warning("a replayed step was asked for with other input", place=step.place, job=str(self._run.job))
        return past.outcome


def _hash(made_from: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(orjson.dumps(made_from, option=orjson.OPT_SORT_KEYS)).digest()

"""`billing.reconcile`: asks providers' logs about calls whose answers were lost, so that billed is served again.

What the log says is committed to the journal and nowhere else: the step's true draw, or none, and that it is to be
recorded anew. The recorder does the rest, as it does for every step: it settles the reservation, reverses what is on
record at the worst case, and bills what was drawn. So a worker that dies here half-way loses nothing, a second
reconciliation finds only what is left, and a recorder at work on the same step is waited for.

A call that the log does not have counts as not served once it was lost `call_log_grace_seconds` ago: until then it may
be on its way there.
"""

from collections.abc import Mapping, Sequence

import structlog

from shared.contracts.payloads import BillingReconcile
from shared.contracts.results import ReconcileResult
from shared.errors import Unavailable
from shared.ledger import lost
from shared.ledger.lost import Known, Lost
from shared.metering.prices import NOTHING, Prices, Tokens, UnknownPrice
from workers.models.call_log import CallLog, call_logs
from workers.outcomes import Done, Outcome
from workers.run.context import Context

#: Calls per round: some seconds of asking, then a commit.
BATCH = 200

#: Seconds before its deadline at which a run ends with what it has; the next begins with what is left.
SPARE = 60.0

log = structlog.get_logger(__name__)


def reconcile(context: Context, payload: BillingReconcile) -> Outcome:
    """The result counts calls that were served, that were not, and that nobody knows more of than before."""
    ask = Asking(call_logs(context.settings), Prices(context.settings.prices))
    served = looked = known = 0
    after: Lost | None = None
    while context.seconds_left > SPARE and (calls := _lost(context, payload.tenants, after)):
        context.check()
        found = [answer for call in calls if (answer := ask.about(call)) is not None]
        with context.metering() as connection:
            lost.reconcile(connection, found)
        served += sum(each.drawn != NOTHING for each in found)
        known, looked, after = known + len(found), looked + len(calls), calls[-1]
    ask.check()
    return Done(ReconcileResult(served=served, not_served=known - served, unknown=looked - known))


class Asking:
    """`logs`, by provider; of one that keeps none nobody knows."""

    def __init__(self, logs: Mapping[str, CallLog], prices: Prices) -> None:
        self._logs, self._prices = dict(logs), prices
        self._away: Unavailable | None = None

    def about(self, call: Lost) -> Known | None:
        """What is known of a call; None: nothing yet."""
        call_log = self._logs.get(call.provider)
        if call_log is None:
            return None
        try:
            drawn = call_log.served(call.call_id)
        except Unavailable as error:
            del self._logs[call.provider]
            self._away = error
            return None
        if drawn is None:
            return Known(call, NOTHING, 0) if call.old else None
        try:
            return Known(call, drawn, self._cost(call, drawn))
        except UnknownPrice as error:
            log.warning("a lost call waits for a price", call=call.call_id, error=str(error))
            return None

    def check(self) -> None:
        """Raise where a log was away: the calls of its provider are to be asked about again; the others are known."""
        if self._away is not None:
            raise self._away

    def _cost(self, call: Lost, drawn: Tokens) -> int:
        return 0 if call.billed_to == "tenant" else self._prices.cost(call.model, drawn, call.ended_at).total


def _lost(context: Context, tenants: Sequence[str] | None, after: Lost | None) -> list[Lost]:
    grace = context.settings.call_log_grace_seconds
    with context.metering() as connection:
        return lost.find(connection, tenants, after=after, grace=grace, limit=BATCH)

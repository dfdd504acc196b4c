"""`billing.reconcile`: asks providers' logs about calls whose answers were lost, so that billed is served again.

What the log says is committed to the journal and nowhere else: the step's true draw, or none, and that it is to be
recorded anew. The recorder does the rest, as it does for every step: it settles the reservation, reverses what is on
record at the worst case, and bills what was drawn. So a worker that dies here half-way loses nothing, a second
reconciliation finds only what is left, and a recorder at work on the same step is waited for.

A call that the log does not have counts as not served once it was lost `call_log_grace_seconds` ago: until then it may
be on its way there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from psycopg.rows import class_row

from shared.contracts.kinds import BillingReconcile
from shared.contracts.results import ReconcileResult
from shared.errors import Unavailable
from shared.metering.prices import NOTHING, Prices, Tokens, UnknownPrice
from shared.providers import DEFAULT
from shared.stores.postgres import Connection
from workers.context import Context
from workers.models.call_log import CallLog, call_logs
from workers.outcomes import Done, Outcome

#: Calls per round: some seconds of asking, then a commit.
BATCH = 200

#: Seconds before its deadline at which a run ends with what it has; the next begins with what is left.
SPARE = 60.0

log = structlog.get_logger(__name__)

#: In order of their intents, from where the last round stopped.
LOST = """
SELECT tenant_id, job_id, call_id, model, coalesce(provider, %(default)s) AS provider, billed_to, intended_at, ended_at,
       ended_at < now() - %(grace)s * interval '1 second' AS old
FROM tenant.steps
WHERE model IS NOT NULL AND state = 'unknown' AND reconciled_at IS NULL
  AND (%(tenants)s::text[] IS NULL OR tenant_id = ANY(%(tenants)s))
  AND (%(after)s::timestamptz IS NULL OR (intended_at, call_id) > (%(after)s, %(call)s))
ORDER BY intended_at, call_id LIMIT %(limit)s
"""

#: Only what is still unknown: its own worker may have been heard of meanwhile.
RECONCILE = """
UPDATE tenant.steps SET input_tokens = known.input, output_tokens = known.output, drawn_nano = known.nano,
       reconciled_at = now(), recorded_at = NULL
FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])
     AS known (tenant_id, job_id, call_id, input, output, nano)
WHERE steps.tenant_id = known.tenant_id AND steps.job_id = known.job_id AND steps.call_id = known.call_id
  AND steps.state = 'unknown' AND steps.reconciled_at IS NULL
"""


@dataclass(frozen=True)
class Lost:
    """A call whose answer was lost at `ended_at`; `old`: so long ago that a log that has it not never will."""

    tenant_id: str
    job_id: UUID
    call_id: str
    model: str
    provider: str
    billed_to: str
    intended_at: datetime
    ended_at: datetime
    old: bool


@dataclass(frozen=True)
class Known:
    """What a lost call drew after all: perhaps nothing."""

    call: Lost
    drawn: Tokens
    nano: int


def reconcile(context: Context, payload: BillingReconcile) -> Outcome:
    """The result counts calls that were served, that were not, and that nobody knows more of than before."""
    ask = Asking(call_logs(context.settings), Prices(context.settings.prices))
    served = looked = known = 0
    after: Lost | None = None
    while context.seconds_left > SPARE and (lost := _lost(context, payload.tenants, after)):
        context.check()
        found = [answer for call in lost if (answer := ask.about(call)) is not None]
        with context.metering() as connection:
            _commit(connection, found)
        served += sum(each.drawn != NOTHING for each in found)
        known, looked, after = known + len(found), looked + len(lost), lost[-1]
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
    asked = {"tenants": list(tenants) if tenants else None, "default": DEFAULT}
    place = {"after": after.intended_at if after else None, "call": after.call_id if after else None}
    bounds = {"grace": context.settings.call_log_grace_seconds, "limit": BATCH}
    with context.metering() as connection, connection.cursor(row_factory=class_row(Lost)) as cursor:
        return cursor.execute(LOST, asked | place | bounds).fetchall()


def _commit(connection: Connection, found: Sequence[Known]) -> None:
    calls = [each.call for each in found]
    place = [[call.tenant_id for call in calls], [call.job_id for call in calls], [call.call_id for call in calls]]
    drawn = [[each.drawn.input for each in found], [each.drawn.output for each in found]]
    connection.execute(RECONCILE, (*place, *drawn, [each.nano for each in found]))

"""Turns journaled draws into usage records, each once, and adds them to the rollups.

A draw is found by its step having no mark. Its records have ids made from the call and the meter, so recording it twice
changes nothing: the records are committed first, the mark after; what dies in between is recorded again in vain.
Control and tenant data are two databases; no transaction spans them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from psycopg.rows import class_row

from shared import clock, ids
from shared.metering.prices import Cost, Prices, Tokens, UnknownPrice
from shared.stores.postgres import Connection, Database
from shared.telemetry import metrics
from shared.tenancy.tenants import Tenants

#: Draws per round; a full round is followed by another at once.
BATCH = 500

#: Seconds between two rounds that found nothing.
PAUSE = 1.0

NANO = 1_000_000_000

log = structlog.get_logger(__name__)

DRAWS = """
SELECT s.tenant_id, s.job_id, s.call_id, j.kind, s.model, s.state, s.worst_input_tokens, s.worst_output_tokens,
       s.input_tokens, s.output_tokens, s.cached_tokens, s.ended_at
FROM tenant.steps s JOIN tenant.jobs j USING (tenant_id, job_id)
WHERE s.model IS NOT NULL AND s.state IN ('answered', 'unknown') AND s.recorded_at IS NULL
  AND s.model <> ALL(%s::text[])
ORDER BY s.ended_at LIMIT %s FOR UPDATE OF s SKIP LOCKED
"""

MARK = """
UPDATE tenant.steps SET recorded_at = now()
FROM unnest(%s::text[], %s::uuid[], %s::text[]) AS done (tenant_id, job_id, call_id)
WHERE steps.tenant_id = done.tenant_id AND steps.job_id = done.job_id AND steps.call_id = done.call_id
"""

#: A record that is there already is left alone, and adds nothing to its rollup.
RECORD = """
WITH fresh AS (
    INSERT INTO control.usage_records (tenant_id, record_id, job_id, call_id, kind, meter, model, status, quantity,
                                       cost_nano, drawn_at)
    SELECT * FROM unnest(%(tenant)s::text[], %(record)s::uuid[], %(job)s::uuid[], %(call)s::text[], %(kind)s::text[],
                         %(meter)s::text[], %(model)s::text[], %(status)s::text[], %(quantity)s::bigint[],
                         %(cost)s::bigint[], %(drawn)s::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING *
)
INSERT INTO control.rollups AS r (tenant_id, quarter_hour, meter, model, status, quantity, cost_nano, records)
SELECT tenant_id, date_bin('15 minutes', drawn_at, 'epoch'), meter, model, status,
       sum(quantity), sum(cost_nano), count(*)
FROM fresh GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (tenant_id, quarter_hour, meter, model, status) DO UPDATE
SET quantity = r.quantity + excluded.quantity, cost_nano = r.cost_nano + excluded.cost_nano,
    records = r.records + excluded.records
"""


@dataclass(frozen=True)
class Draw:
    """What a step drew, or may have drawn at worst (`state` unknown)."""

    tenant_id: str
    job_id: UUID
    call_id: str
    kind: str
    model: str
    state: str
    worst_input_tokens: int
    worst_output_tokens: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    ended_at: datetime

    @property
    def known(self) -> bool:
        return self.state == "answered"

    @property
    def tokens(self) -> Tokens:
        if self.known:
            return Tokens(self.input_tokens, self.output_tokens, self.cached_tokens)
        return Tokens(self.worst_input_tokens, self.worst_output_tokens)


class Recorder:
    """Runs beside others of its kind: what one has locked, the others skip."""

    def __init__(self, metering: Database, prices: Prices, tenants: Tenants) -> None:
        self._metering, self._prices, self._tenants = metering, prices, tenants
        self._unpriced: set[str] = set()

    def record(self) -> float:
        """One round; answers the seconds until the next."""
        with self._metering.transaction() as tenant_data:
            with tenant_data.cursor(row_factory=class_row(Draw)) as cursor:
                draws = cursor.execute(DRAWS, (sorted(self._unpriced), BATCH)).fetchall()
            if not draws:
                metrics.USAGE_LAG.set(0)
                return PAUSE
            priced = list(self._priced(draws))
            with self._metering.transaction() as control:
                control.execute(RECORD, _columns([row for pair in priced for row in _records(*pair)]))
            _mark(tenant_data, [draw for draw, _ in priced])
        metrics.USAGE_LAG.set((clock.now() - draws[0].ended_at).total_seconds())
        self._observe(priced)
        return 0.0 if len(priced) == BATCH else PAUSE

    def _priced(self, draws: Sequence[Draw]) -> Iterator[tuple[Draw, Cost]]:
        """A draw whose price has been taken away keeps no other off the bill: it waits for a recorder that knows one.

        Prices are settings, so this process will not learn any: it leaves the model's draws out from now on.
        """
        for draw in draws:
            try:
                yield draw, self._prices.cost(draw.model, draw.tokens, draw.ended_at)
            except UnknownPrice as error:
                self._unpriced.add(draw.model)
                log.warning("draws wait for a price", model=draw.model, call=draw.call_id, error=str(error))

    def _observe(self, priced: Sequence[tuple[Draw, Cost]]) -> None:
        for draw, cost in priced:
            tier = self._tenants.get(draw.tenant_id).tier
            metrics.TOKENS.labels(tier=tier, model=draw.model, direction="input").inc(draw.tokens.input)
            metrics.TOKENS.labels(tier=tier, model=draw.model, direction="output").inc(draw.tokens.output)
            usd = (cost.input + cost.output) / NANO
            metrics.COST.labels(tier=tier, model=draw.model, billed_to="platform").inc(usd)


def _records(draw: Draw, cost: Cost) -> Iterator[dict[str, Any]]:
    """A record for each meter of a draw. Its id is made from the call and the meter, never from a clock."""
    meters = (("tokens.input", draw.tokens.input, cost.input), ("tokens.output", draw.tokens.output, cost.output))
    for meter, quantity, nano in meters:
        if quantity:
            yield {
                "tenant": draw.tenant_id,
                "record": ids.derived("usage", draw.call_id, meter),
                "job": draw.job_id,
                "call": draw.call_id,
                "kind": draw.kind,
                "meter": meter,
                "model": draw.model,
                "status": "billed" if draw.known else "unknown",
                "quantity": quantity,
                "cost": nano,
                "drawn": draw.ended_at,
            }


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    names = ("tenant", "record", "job", "call", "kind", "meter", "model", "status", "quantity", "cost", "drawn")
    return {name: [row[name] for row in rows] for name in names}


def _mark(connection: Connection, draws: Sequence[Draw]) -> None:
    tenants, jobs = [draw.tenant_id for draw in draws], [draw.job_id for draw in draws]
    connection.execute(MARK, (tenants, jobs, [draw.call_id for draw in draws]))

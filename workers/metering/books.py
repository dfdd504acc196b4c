"""The books: usage records, which are only ever added, and their rollups.

A record's id is made from the call and the meter, so writing it twice changes nothing. A call whose answer was lost is
on record at its worst case, as `unknown`; once it is known what it drew, that record is reversed by one of its own
negative, in the same quarter of an hour, and what was drawn is billed under an id of its own. All three are written
then, also where the first was missing: so it does not matter who wrote it before, or is about to.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared import ids
from shared.ledger.recording import Finished
from shared.metering.prices import Cost, Tokens
from shared.stores.postgres import Database

#: The meter of calls that were spared. It counts calls; those of tokens begin with `tokens.`.
CACHE_HITS = "cache_hits"

#: A record that is there already is left alone, and adds nothing to its rollup. Rollups are locked in one order.
ADD = """
WITH fresh AS (
    INSERT INTO control.usage_records (tenant_id, record_id, job_id, call_id, kind, meter, model, status, quantity,
                                       cost_nano, drawn_at)
    {rows}
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

RECORD = ADD.format(
    rows="""
    SELECT * FROM unnest(%(tenant_id)s::text[], %(record_id)s::uuid[], %(job_id)s::uuid[], %(call_id)s::text[],
                         %(kind)s::text[], %(meter)s::text[], %(model)s::text[], %(status)s::text[],
                         %(quantity)s::bigint[], %(cost_nano)s::bigint[], %(drawn_at)s::timestamptz[])
    """
)

#: The negative of what stands there, at the price it was recorded at.
REVERSE = ADD.format(
    rows="""
    SELECT r.tenant_id, reversal, job_id, call_id, kind, meter, model, status, -quantity, -cost_nano, drawn_at
    FROM control.usage_records r
    JOIN unnest(%(tenant_id)s::text[], %(record_id)s::uuid[], %(reversal)s::uuid[])
         AS lost (tenant_id, record_id, reversal) USING (tenant_id, record_id)
    """
)


@dataclass(frozen=True)
class Record:
    """One draw on one meter, priced; its fields are the columns."""

    tenant_id: str
    record_id: UUID
    job_id: UUID
    call_id: str
    kind: str
    meter: str
    model: str
    status: Literal["billed", "unknown"]
    quantity: int
    cost_nano: int
    drawn_at: datetime


@dataclass(frozen=True)
class Priced:
    """A finished step with what its draw cost, and its worst case."""

    step: Finished
    drawn: Cost
    worst: Cost


def write(metering: Database, priced: Iterable[Priced]) -> None:
    """Add what these steps drew. Each statement commits by itself, and each may be repeated."""
    steps = list(priced)
    records = [record for each in steps for record in _records(each)]
    lost = [record for each in steps if each.step.reconciled for record in _at_worst(each)]
    with metering.connection() as control:
        if records:
            control.execute(RECORD, {name: [getattr(r, name) for r in records] for name in Record.__annotations__})
        if lost:
            place = {name: [getattr(record, name) for record in lost] for name in ("tenant_id", "record_id")}
            control.execute(REVERSE, place | {"reversal": [_reversal(record) for record in lost]})


def _records(priced: Priced) -> Iterator[Record]:
    step = priced.step
    if step.reconciled or not step.known:
        yield from _at_worst(priced)
    if step.known:
        told = ("reconciled",) if step.reconciled else ()
        yield from _by_meter(step, step.tokens, priced.drawn, "billed", *told)


def _at_worst(priced: Priced) -> Iterator[Record]:
    """As a lost call is recorded while nobody knows better."""
    return _by_meter(priced.step, priced.step.worst, priced.worst, "unknown")


def _by_meter(
    step: Finished, tokens: Tokens, cost: Cost, status: Literal["billed", "unknown"], *told: str
) -> Iterator[Record]:
    """A record for each meter. Its id is made from the call and the meter, never from a clock."""
    meters = (
        ("tokens.input", tokens.input, cost.input),
        ("tokens.output", tokens.output, cost.output),
        (CACHE_HITS, int(step.from_cache), 0),
    )
    for meter, quantity, nano in meters:
        if quantity:
            yield Record(
                tenant_id=step.tenant_id,
                record_id=ids.derived("usage", step.call_id, meter, *told),
                job_id=step.job_id,
                call_id=step.call_id,
                kind=step.kind,
                meter=meter,
                model=step.model,
                status=status,
                quantity=quantity,
                cost_nano=nano,
                drawn_at=step.ended_at,
            )


def _reversal(record: Record) -> UUID:
    return ids.derived("usage", record.call_id, record.meter, "reversed")

"""`billing.export`: a month's usage as a file, whose totals are checked against the records before it is kept."""

import csv
import hashlib
import io
from collections.abc import Sequence
from typing import Any

from shared.contracts.payloads import BillingExport
from shared.contracts.results import ExportResult
from shared.errors import HeadgateError
from shared.metering.usage import Drawn, drawn, month, usd
from shared.stores.postgres import one
from workers.outcomes import Done, Outcome
from workers.run.context import Context

TOTALS = """
SELECT coalesce(sum(quantity), 0)::bigint AS quantity, coalesce(sum(cost_nano), 0)::bigint AS cost_nano,
       count(*) AS records
FROM control.usage_records WHERE drawn_at >= %(begin)s AND drawn_at < %(end)s
  AND (%(tenants)s::text[] IS NULL OR tenant_id = ANY(%(tenants)s))
"""

COLUMNS = ("tenant", "period", "meter", "model", "status", "quantity", "cost_usd", "records")


class TotalsDiffer(HeadgateError):  # noqa: N818 - it names what was found
    """The rollups do not add up to the usage records; nothing is exported."""


def export(context: Context, payload: BillingExport) -> Outcome:
    """The result names the object, its SHA-256, and the totals over all rows."""
    begin, end = month(payload.period)
    asked = {"begin": begin, "end": end, "tenants": list(payload.tenants) if payload.tenants else None}
    with context.metering() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows, totals = drawn(connection, payload.period, payload.tenants), one(connection, TOTALS, asked)
    checked(rows, totals)
    content = as_csv(payload.period, rows)
    name = f"exports/usage-{payload.period}-{context.run.job}.csv"
    url = context.objects.put(name, content)
    sha256 = hashlib.sha256(content).hexdigest()
    return Done(ExportResult(object=url, sha256=sha256, rows=len(rows), **totals))


def checked(rows: Sequence[Drawn], totals: dict[str, Any]) -> None:
    """Refuse to hand out sums that are not the sums of the records."""
    for name in ("quantity", "cost_nano", "records"):
        added = sum(getattr(row, name) for row in rows)
        if added != totals[name]:
            raise TotalsDiffer(f"rollups add up to {added} {name}, records to {totals[name]}: nothing is exported")


def as_csv(period: str, rows: Sequence[Drawn]) -> bytes:
    """One line for each tenant, meter, model and status; money in USD with nine decimals, exact."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        place = (row.tenant_id, period, row.meter, row.model, row.status)
        writer.writerow((*place, row.quantity, usd(row.cost_nano), row.records))
    return out.getvalue().encode()

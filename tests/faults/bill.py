"""The bill of a row, once the product itself has reconciled it: what was billed, was unknown, and is held still."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from producers.cli import door
from producers.cli.door import Job
from shared.cell import Cell
from shared.errors import HeadgateError
from shared.metering.levels import Level, levels
from shared.stores.postgres import one
from shared.tenancy.tenants import PLATFORM
from tests.faults.traffic import TENANTS

#: Seconds for one reconciliation: it asks the model's log about some hundred calls.
PATIENCE = 60.0

#: A hard budget that every tenant has and no row comes near: what is held against it must be given back.
BUDGET: Mapping[str, int] = {"tokens_month": 1_000_000_000}

RECORDS = """
SELECT coalesce(sum(quantity) FILTER (WHERE status = 'billed'), 0)::bigint AS billed,
       count(DISTINCT call_id) FILTER (WHERE status = 'unknown') AS unknown
FROM control.usage_records WHERE meter LIKE 'tokens.%%' AND (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s)
"""


@dataclass(frozen=True)
class Bill:
    """Tokens billed, and calls that were on record as unknown before they were reconciled."""

    billed: int
    unknown: int


def reconcile(cell: Cell) -> bool:
    """`headgate billing reconcile`; whether nothing is unknown any more and all of it is on the bill."""
    job = door.submit(cell, Job("billing.reconcile", {}))
    ended = door.wait(cell, PLATFORM, [job], seconds=PATIENCE, tell=lambda *_: None)[job]
    if ended.result is None:
        raise HeadgateError(f"reconciling ended as {ended.state}: {ended.error}")
    return ended.result["unknown"] == 0 and unrecorded(cell) == 0


def unrecorded(cell: Cell) -> int:
    """Draws that are on no bill yet, or not yet put right there."""
    statement = "SELECT FROM tenant.steps WHERE model IS NOT NULL AND state <> 'intent' AND recorded_at IS NULL"
    with cell.metering.connection() as connection:
        return connection.execute(statement).rowcount


def bill(cell: Cell, tenant: str | None = None) -> Bill:
    """Of a tenant, or of all."""
    with cell.metering.connection() as connection:
        row = one(connection, RECORDS, {"tenant": tenant})
    return Bill(row["billed"], row["unknown"])


def misheld(cell: Cell) -> int:
    """Budgets against which something is held still, or which count another draw than the bill."""
    return sum(level.held != 0 or level.drawn != bill(cell, tenant).billed for tenant, level in _levels(cell))


def _levels(cell: Cell) -> Iterator[tuple[str, Level]]:
    with cell.control.connection() as connection:
        now = one(connection, "SELECT now()")["now"]
    for tenant in TENANTS:
        (level,) = levels(cell.tenants.get(tenant).budgets, cell.gate.drawn(tenant), now)
        yield tenant, level

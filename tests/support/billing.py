"""From the journal to the bill, by hand: steps written as workers write them, records read as the bill reads them."""

from typing import Any

from shared.cell import Cell
from shared.ledger import journal
from shared.ledger.journal import Step
from shared.ledger.runs import Run
from shared.metering.prices import Tokens
from tests.support import spending
from tests.support.cells import make_tenant
from tests.support.spending import INPUT, MODEL, OUTPUT, WORST, WORST_NANO


def running(cell: Cell, tenant: str) -> Run:
    """A job of a new tenant that is being run, by this test."""
    return spending.running(cell, tenant, make_tenant(cell, tenant).secret)


def intended(cell: Cell, run: Run, place: str, model: str = MODEL) -> Step:
    step = Step(f"{run.job}/{place}/1/1", place, 1, "model", b"", model, WORST, worst_nano=WORST_NANO)
    with cell.database.transaction(run.tenant) as connection:
        journal.intend(connection, run.lease, step)
    return step


def drawn(cell: Cell, run: Run, place: str, tokens: Tokens, model: str = MODEL) -> Step:
    """A call that was answered."""
    step = intended(cell, run, place, model)
    answer(cell, run, step, tokens)
    return step


def answer(cell: Cell, run: Run, step: Step, tokens: Tokens) -> None:
    with cell.database.transaction(run.tenant) as connection:
        nano = tokens.input * INPUT + tokens.output * OUTPUT
        journal.answer(connection, run.lease, step, tokens, {}, nano=nano)


def records(cell: Cell) -> list[dict[str, Any]]:
    with cell.metering.connection() as connection:
        return connection.execute("SELECT * FROM control.usage_records ORDER BY call_id, meter").fetchall()


def sums(cell: Cell, table: str) -> list[dict[str, Any]]:
    counted = "count(*)" if table == "usage_records" else "sum(records)"
    statement = f"""
    SELECT tenant_id, meter, model, status, sum(quantity)::bigint AS quantity, sum(cost_nano)::bigint AS cost,
           {counted}::bigint AS records
    FROM control.{table} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    with cell.metering.connection() as connection:
        return connection.execute(statement).fetchall()


def on_bill(cell: Cell) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Tokens and nano-dollars by call, meter and status, where the records do not cancel each other out."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in records(cell):
        key = (row["call_id"], row["meter"], row["status"])
        quantity, cost = sums.get(key, (0, 0))
        sums[key] = (quantity + row["quantity"], cost + row["cost_nano"])
    return {key: found for key, found in sums.items() if found != (0, 0)}

"""`headgate usage`: what tenants drew in a month, exact; what may have been drawn, unknown, stands apart."""

from typing import Annotated, Any

import typer

from producers.cli.helping import ending, one_of
from producers.cli.opening import opened_for
from producers.cli.output import Json, console, document, facts, table
from producers.cli.values import value_of
from shared import clock
from shared.metering.usage import Drawn, drawn, month, usd

#: The month that is going on, in UTC.
Period = Annotated[str | None, typer.Option(help="The month, as YYYY-MM; default: the present one, in UTC.")]

BILLED, UNKNOWN = "billed", "unknown"


def register(app: typer.Typer) -> None:
    sums = "{period, billed, unknown}; each of the last two {rows, cost_nano, cost_usd}; a row "
    app.command(epilog=ending("usage --tenant acme", sums + one_of(Drawn, more="cost_usd")))(usage)


def usage(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    period: Period = None,
    *,
    json: Json = False,
) -> None:
    """Tokens, spared calls (`cache_hits`) and money, by tenant, model and meter."""
    asked = period or f"{clock.now():%Y-%m}"
    with value_of("--period"):
        month(asked)
    cell = opened_for(tenant)
    with cell.metering.connection() as connection:
        sums = drawn(connection, asked, [tenant] if tenant else None)
    # What was put right since is on record twice, once reversed: it adds up to nothing.
    parts = {status: [one for one in sums if one.status == status and not one.nothing] for status in (BILLED, UNKNOWN)}
    if json:
        return document({"period": asked} | {status: _plain(part) for status, part in parts.items()})
    _print(asked, parts[BILLED], "billed")
    if parts[UNKNOWN]:
        _print(asked, parts[UNKNOWN], "unknown: the answer was lost; at the worst case")
    return None


def _print(period: str, sums: list[Drawn], what: str) -> None:
    rows = [(x.tenant_id, x.model, x.meter, x.quantity, _money(x.cost_nano), x.records) for x in sums]
    total = usd(sum(x.cost_nano for x in sums))
    out = console()
    out.print(f"{period}, {what}")
    out.print(table(("tenant", "model", "meter", "quantity", "USD", "records"), rows))
    out.print(f"total USD {total}\n")


def _plain(sums: list[Drawn]) -> dict[str, Any]:
    return {
        "rows": [facts(one) | {"cost_usd": usd(one.cost_nano)} for one in sums],
        "cost_nano": sum(one.cost_nano for one in sums),
        "cost_usd": usd(sum(one.cost_nano for one in sums)),
    }


def _money(nano: int) -> str:
    """Right-aligned by its nine decimals."""
    return usd(nano).rjust(16)

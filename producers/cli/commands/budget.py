"""`headgate budget`: limits on what is drawn in an hour, a day or a month, and how full they are.

A change binds at the gate at once: who waits for room goes on where there is some now. Windows are in UTC.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, table
from producers.cli.telling import tell, tell_tenant
from shared.cell import Cell
from shared.errors import HeadgateError
from shared.metering.levels import BUDGETS, Level, levels, worded
from shared.metering.usage import NANO, usd
from shared.stores.postgres import one
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from shared.tenancy.tenants import PLATFORM, Tenant


class Name(StrEnum):
    """The budgets, as they are called here."""

    TOKENS_HOUR = "tokens-hour"
    TOKENS_MONTH = "tokens-month"
    USD_DAY = "usd-day"
    USD_MONTH = "usd-month"

    @property
    def budget(self) -> str:
        return self.value.replace("-", "_")


#: What `--json` answers: amounts are tokens, or nano-dollars with the same in dollars beside them (`limit_usd` …).
SHOWN = "{tenant, over, budgets}; a budget is {budget, unit, hard, exceeded, limit, drawn, held, left, window, ends}"
SET = "{tenant, tier, limits, soft, clear, over}: what was asked for; dollars in nano-dollars"

Tokens = Annotated[int | None, typer.Option(min=0, help="At most so many tokens, in and out alike.")]
Usd = Annotated[str | None, typer.Option(metavar="X.XX", help="At most so many dollars.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Limit what a tenant draws; see how much is left.", no_args_is_help=True)
    group.command("set", epilog=ending("budget set acme --usd-day 5.00 --over wait", SET))(set_)
    group.command(epilog=ending("budget show acme", SHOWN))(show)
    app.add_typer(group, name="budget")


def set_(
    tenant: Annotated[str | None, typer.Argument(help="The tenant; or name a --tier.")] = None,
    *,
    tier: Annotated[str | None, typer.Option(help="For all tenants of this tier that have none of their own.")] = None,
    tokens_hour: Tokens = None,
    tokens_month: Tokens = None,
    usd_day: Usd = None,
    usd_month: Usd = None,
    soft: Annotated[list[Name] | None, typer.Option(help="Let calls pass; say so once exceeded. Repeatable.")] = None,
    over: Annotated[Literal["wait", "deny"] | None, typer.Option(help="What jobs do that find no room.")] = None,
    clear: Annotated[list[Name] | None, typer.Option(help="Unset a budget. Repeatable.")] = None,
    json: Json = False,
) -> None:
    """Set what is named; the rest stays. A budget is hard, never exceeded, unless it is named --soft."""
    limits = {"tokens_hour": tokens_hour, "tokens_month": tokens_month}
    limits |= {"usd_day": _nanos(usd_day, "--usd-day"), "usd_month": _nanos(usd_month, "--usd-month")}
    change = Change(
        limits={name: limit for name, limit in limits.items() if limit is not None},
        soft=frozenset(name.budget for name in soft or ()),
        clear=frozenset(name.budget for name in clear or ()),
        over=over,
    )
    if change == Change():
        raise typer.BadParameter("name what to set: --tokens-hour, --usd-day … --soft, --over or --clear")
    if (tenant is None) == (tier is None):
        raise typer.BadParameter("name a tenant, or a --tier")
    _change(opened(), tenant, tier, change)
    if json:
        changed = {"limits": change.limits, "soft": sorted(change.soft), "clear": sorted(change.clear), "over": over}
        return document({"tenant": tenant, "tier": tier} | changed)
    return console().print(f"Changed the budgets of {tenant or f'tier {tier}'}.")


def show(tenant: str, *, json: Json = False) -> None:
    """Each budget in its present window: its limit, what was drawn, what may have been, what is left."""
    cell = opened()
    found = cell.tenants.get(tenant)
    with cell.control.connection() as connection:
        now: datetime = one(connection, "SELECT now()")["now"]
    present = levels(found.budgets, cell.gate.drawn(tenant), now)
    if json:
        document({"tenant": tenant, "over": found.budgets.over, "budgets": [_plain(level) for level in present]})
    else:
        _print(found, present)


def _change(cell: Cell, tenant: str | None, tier: str | None, change: Change) -> None:
    if PLATFORM in (tenant, tier):
        raise HeadgateError(f"{PLATFORM!r} draws nothing: its work has no budgets")
    if tenant is not None:
        budgets.change_tenant(cell.admin, tenant, change)
        tell_tenant(cell, tenant)
    if tier is not None:
        budgets.change_tier(cell.admin, tier, change)
        tell(cell, cell.tenants.of_tier(tier))


def _nanos(dollars: str | None, option: str) -> int | None:
    """Dollars as they are written, in nano-dollars, exactly."""
    if dollars is None:
        return None
    refused = typer.BadParameter(f"{dollars!r} is no amount of dollars: write 12.50", param_hint=option)
    try:
        nanos = Decimal(dollars) * NANO
        whole = int(nanos)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise refused from error
    if nanos != whole or whole < 0:
        raise refused
    return whole


def _plain(level: Level) -> dict[str, Any]:
    amounts = {name: getattr(level, name) for name in ("limit", "drawn", "held", "left")}
    in_usd = {f"{name}_usd": usd(amount) for name, amount in amounts.items()} if level.unit == "nanos" else {}
    standing = {"budget": level.budget, "unit": level.unit, "hard": level.hard, "exceeded": level.exceeded}
    return standing | amounts | in_usd | {"window": level.window, "ends": level.ends}


def _print(tenant: Tenant, present: Sequence[Level]) -> None:
    out = console()
    if not present:
        return out.print(
            f"{tenant.tenant_id} has no budgets: `headgate budget set {tenant.tenant_id} --usd-day 5.00` sets one."
        )
    columns = ("budget", "", "limit", "drawn", "possibly drawn", "left", "ends (UTC)")
    out.print(table(columns, [_row(level) for level in present]))
    return out.print(
        f"Jobs that find no room in a hard one {'wait' if tenant.budgets.over == 'wait' else 'are denied'}."
    )


def _row(level: Level) -> tuple[Any, ...]:
    amounts = (worded(BUDGETS[level.budget], amount) for amount in (level.limit, level.drawn, level.held, level.left))
    return (
        level.budget,
        "hard" if level.hard else "soft, exceeded" if level.exceeded else "soft",
        *amounts,
        level.ends,
    )

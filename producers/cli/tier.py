"""`headgate tier`: the plans. A change binds every tenant of the tier from the next claim on, but what is its own."""

from typing import Annotated

import typer

from producers.cli.limits import Limits, numbers
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from producers.cli.telling import tell
from shared.cell import Cell
from shared.errors import NotFound
from shared.tenancy import tiers
from shared.tenancy.tiers import Tier

Name = Annotated[str, typer.Argument(help="The tier: free, pro, enterprise …")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Show and change the plans.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(configure)
    app.add_typer(group, name="tier")


def list_(*, json: Json = False) -> None:
    """Every tier, the weightiest first."""
    found = tiers.every(opened().dispatcher)
    if json:
        return document(found)
    rows = [(tier.tier, tier.weight, tier.tenants, tier.limits) for tier in found]
    return console().print(table(("tier", "weight", "tenants", "limits"), rows))


def show(tier: Name, *, json: Json = False) -> None:
    """One tier: its weight beside other lanes, and what its tenants may do."""
    found = _named(opened(), tier)
    return document(found) if json else console().print(sheet(vars(found)))


def configure(
    tier: Name,
    *,
    weight: Annotated[
        float | None, typer.Option(min=0.001, max=1e6, help="The share of its lanes beside those of other tiers.")
    ] = None,
    limit: Limits = None,
) -> None:
    """Change what is named, for every tenant of the tier; what a tenant has of its own stays."""
    limits = numbers(limit)
    if weight is None and not limits:
        raise typer.BadParameter("name what to change: --weight or --limit")
    cell = opened()
    tiers.change(cell.admin, tier, weight=weight, limits=limits)
    told = cell.tenants.of_tier(tier)
    tell(cell, told)
    tenants = "1 tenant" if len(told) == 1 else f"{len(told)} tenants"
    console().print(f"Changed {tier}, for {tenants}.")


def _named(cell: Cell, name: str) -> Tier:
    found = {tier.tier: tier for tier in tiers.every(cell.dispatcher)}
    if name not in found:
        raise NotFound(f"there is no tier {name!r}: tiers are {', '.join(found)}")
    return found[name]

"""`headgate tier`: the plans. A change binds every tenant of the tier from the next claim on, but what is its own."""

from typing import Annotated

import typer

from producers.cli.helping import ending, list_of, one_of
from producers.cli.limits import Limits, numbers
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from producers.cli.telling import tell
from shared import clock
from shared.cell import Cell
from shared.errors import NotFound
from shared.metering.prices import NOTHING
from shared.tenancy import tiers
from shared.tenancy.tiers import Tier

#: What stands where a tier names no models.
ANY = "any"

Name = Annotated[str, typer.Argument(help="The tier: free, pro, enterprise …")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Show and change the plans.", no_args_is_help=True)
    group.command("list", epilog=ending("tier list", list_of(Tier)))(list_)
    group.command(epilog=ending("tier show pro", one_of(Tier)))(show)
    group.command(epilog=ending("tier configure pro --weight 4 --limit backlog=20000", one_of(Tier)))(configure)
    app.add_typer(group, name="tier")


def list_(*, json: Json = False) -> None:
    """Every tier, the weightiest first."""
    found = tiers.every(opened().dispatcher)
    if json:
        return document(found)
    rows = [(tier.tier, tier.weight, tier.tenants, _models(tier), tier.limits) for tier in found]
    return console().print(table(("tier", "weight", "tenants", "models", "limits"), rows))


def show(tier: Name, *, json: Json = False) -> None:
    """One tier: its weight beside other lanes, and what its tenants may do."""
    found = _named(opened(), tier)
    return document(found) if json else console().print(sheet(vars(found) | {"models": _models(found)}))


def configure(
    tier: Name,
    *,
    weight: Annotated[
        float | None, typer.Option(min=0.001, max=1e6, help="The share of its lanes beside those of other tiers.")
    ] = None,
    limit: Limits = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model that its tenants' agents may use, and none but those named here.")
    ] = None,
    any_model: Annotated[bool, typer.Option("--any-model", help="Let its tenants' agents use any model.")] = False,
    json: Json = False,
) -> None:
    """Change what is named, for every tenant of the tier; what a tenant has of its own stays."""
    limits = numbers(limit)
    if model and any_model:
        raise typer.BadParameter("either --model or --any-model")
    if weight is None and not any((limits, model, any_model)):
        raise typer.BadParameter("name what to change: --weight, --limit, --model or --any-model")
    cell = opened()
    for name in model or ():
        cell.prices.cost(name, NOTHING, clock.now())
    tiers.change(cell.admin, tier, weight=weight, limits=limits, models=model or (), any_model=any_model)
    told = cell.tenants.of_tier(tier)
    tell(cell, told)
    if json:
        return document(_named(cell, tier))
    tenants = "1 tenant" if len(told) == 1 else f"{len(told)} tenants"
    return console().print(f"Changed {tier}, for {tenants}.")


def _models(tier: Tier) -> object:
    return ANY if tier.models is None else tier.models


def _named(cell: Cell, name: str) -> Tier:
    found = {tier.tier: tier for tier in tiers.every(cell.dispatcher)}
    if name not in found:
        raise NotFound(f"there is no tier {name!r}: tiers are {', '.join(found)}")
    return found[name]

"""Who the tenants are, and what one of them has."""

from typing import Annotated

import typer

from producers.cli.commands import agent
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from shared.agents.holdings import Holdings, holdings
from shared.tenancy.tenants import Tenant

#: The fields of a tenant in `--json`.
PLAIN = "{tenant, name, tier, status, paused, dedicated, weight, residency, models, limits}"

#: What stands where words may go anywhere, and where agents may use any model.
ANY = "any"

Name = Annotated[str, typer.Argument(help="The tenant's id: lower-case letters, digits and '-'.")]


def list_(*, json: Json = False) -> None:
    """Every tenant, the platform's own included."""
    tenants = opened().tenants.all()
    if json:
        return document([plain(tenant) for tenant in tenants])
    rows = [tuple(_people(tenant).values()) for tenant in tenants]
    return console().print(table(tuple(_people(tenants[0])), rows))


def show(tenant: Name, *, json: Json = False) -> None:
    """One tenant: its limits, agents, documents and jobs."""
    cell = opened()
    found = cell.tenants.get(tenant)
    with cell.database.transaction(tenant) as connection:
        held = holdings(connection, tenant)
    if json:
        return document(plain(found) | vars(held) | {"agents": [agent.plain(each) for each in held.agents]})
    return _print(found, held)


def plain(tenant: Tenant) -> dict[str, object]:
    """A tenant as `--json` gives it."""
    return {
        "tenant": tenant.tenant_id,
        "name": tenant.name,
        "tier": tenant.tier,
        "status": tenant.status,
        "paused": tenant.paused,
        "dedicated": sorted(tenant.dedicated),
        "weight": tenant.weight,
        "residency": tenant.residency,
        "models": None if tenant.models is None else sorted(tenant.models),
        "limits": tenant.limits.model_dump(exclude_none=True),
    }


def _people(tenant: Tenant) -> dict[str, object]:
    """The same, in words."""
    told = plain(tenant)
    return told | {name: ANY if told[name] is None else told[name] for name in ("residency", "models")}


def _print(tenant: Tenant, held: Holdings) -> None:
    out = console()
    said = _people(tenant) | {"documents": f"{held.complete} complete of {held.documents}", "jobs": held.jobs}
    out.print(sheet(said))
    out.print(agent.listed(held.agents))

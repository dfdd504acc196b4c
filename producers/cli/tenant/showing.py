"""Who the tenants are, and what one of them has."""

from typing import Annotated

import typer

from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from shared.tenancy.holdings import Holdings, holdings
from shared.tenancy.tenants import Tenant

Name = Annotated[str, typer.Argument(help="The tenant's id: lower-case letters, digits and '-'.")]


def list_(*, json: Json = False) -> None:
    """Every tenant, the platform's own included."""
    tenants = opened().tenants.all()
    if json:
        return document([plain(tenant) for tenant in tenants])
    rows = [tuple(plain(tenant).values()) for tenant in tenants]
    return console().print(table(tuple(plain(tenants[0])), rows))


def show(tenant: Name, *, json: Json = False) -> None:
    """One tenant: its limits, agents, documents and jobs."""
    cell = opened()
    found = cell.tenants.get(tenant)
    with cell.database.transaction(tenant) as connection:
        held = holdings(connection, tenant)
    if json:
        return document(plain(found) | vars(held))
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
        "limits": tenant.limits.model_dump(exclude_none=True),
    }


def _print(tenant: Tenant, held: Holdings) -> None:
    out = console()
    said = plain(tenant) | {"documents": f"{held.complete} complete of {held.documents}", "jobs": held.jobs}
    out.print(sheet(said))
    columns = ("agent", "model", "temperature", "tools", "knowledge bases")
    rows = [(a.agent, a.model, a.temperature, a.tools, a.knowledge_bases) for a in held.agents]
    out.print(table(columns, rows))

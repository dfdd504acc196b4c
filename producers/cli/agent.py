"""`headgate agent`: the agents of a tenant, as they are and as they were. `headgate tenant configure` changes them."""

from typing import Annotated

import typer

from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from shared.agents import agents
from shared.agents.agents import Agent
from shared.agents.files.file import as_file
from shared.cell import Cell

Tenant = Annotated[str, typer.Argument(help="The tenant's id.")]
Name = Annotated[str, typer.Argument(help="The agent.")]

COLUMNS = ("agent", "version", "provider", "model", "tools", "knowledge_bases")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Show a tenant's agents, and what they were before.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(versions)
    app.add_typer(group, name="agent")


def list_(tenant: Tenant, *, json: Json = False) -> None:
    """The newest version of each of the tenant's agents."""
    cell = _opened(tenant)
    with cell.database.transaction(tenant) as connection:
        found = [told(agent) for agent in agents.every(connection, tenant)]
    if json:
        return document(found)
    rows = [tuple(agent[column] for column in COLUMNS) for agent in found]
    return console().print(table([column.replace("_", " ") for column in COLUMNS], rows))


def show(
    tenant: Tenant,
    agent: Name = "default",
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Another version than the newest.")] = None,
    yaml: Annotated[bool, typer.Option("--yaml", help="As a file that `tenant configure -f` takes.")] = False,
    json: Json = False,
) -> None:
    """All that is said of an agent."""
    if yaml and json:
        raise typer.BadParameter("either --yaml or --json")
    cell = _opened(tenant)
    with cell.database.transaction(tenant) as connection:
        found = agents.get(connection, tenant, agent, version)
    if yaml:
        return typer.echo(as_file(tenant, found), nl=False)
    return document(told(found)) if json else console().print(sheet(told(found)))


def versions(tenant: Tenant, agent: Name = "default", *, json: Json = False) -> None:
    """When each version of an agent was saved, the newest first."""
    cell = _opened(tenant)
    with cell.database.transaction(tenant) as connection:
        found = agents.versions(connection, tenant, agent)
    if json:
        return document(found)
    return console().print(table(("version", "saved at"), [(saved.version, saved.saved_at) for saved in found]))


def told(agent: Agent) -> dict[str, object]:
    """An agent as `--json` gives it."""
    return {"agent": agent.agent, "version": agent.version} | agent.configuration.model_dump(mode="json")


def _opened(tenant: str) -> Cell:
    """The cell, in which there is this tenant."""
    cell = opened()
    cell.tenants.get(tenant)
    return cell

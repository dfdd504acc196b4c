"""`headgate agent`: the agents of a tenant, as they are and as they were. `headgate tenant configure` changes them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from producers.cli.helping import ending, list_of
from producers.cli.opening import opened_for
from producers.cli.output import Json, Listing, console, document, sheet, table
from shared.agents import agents
from shared.agents.agents import Agent, Saved
from shared.agents.configuration import AgentConfiguration
from shared.agents.files.file import as_file

Tenant = Annotated[str, typer.Argument(help="The tenant's id.")]
Name = Annotated[str, typer.Argument(help="The agent.")]

COLUMNS = ("agent", "version", "provider", "model", "tools", "knowledge_bases")


#: What `--json` answers of an agent: what a file says of it (docs/agents.md), beside its name and its version.
PLAIN = f"{{agent, version, {', '.join(AgentConfiguration.model_fields)}}}"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Show a tenant's agents, and what they were before.", no_args_is_help=True)
    group.command("list", epilog=ending("agent list acme", "a list of what `show` answers"))(list_)
    group.command(epilog=ending("agent show acme default --version 2 --yaml", PLAIN))(show)
    group.command(epilog=ending("agent versions acme default", list_of(Saved)))(versions)
    app.add_typer(group, name="agent")


def list_(tenant: Tenant, *, json: Json = False) -> None:
    """The newest version of each of the tenant's agents."""
    cell = opened_for(tenant)
    with cell.database.transaction(tenant) as connection:
        found = agents.every(connection, tenant)
    return document([plain(each) for each in found]) if json else console().print(listed(found))


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
    cell = opened_for(tenant)
    with cell.database.transaction(tenant) as connection:
        found = agents.get(connection, tenant, agent, version)
    if yaml:
        return typer.echo(as_file(tenant, found), nl=False)
    return document(plain(found)) if json else console().print(sheet(plain(found)))


def versions(tenant: Tenant, agent: Name = "default", *, json: Json = False) -> None:
    """When each version of an agent was saved, the newest first."""
    cell = opened_for(tenant)
    with cell.database.transaction(tenant) as connection:
        found = agents.versions(connection, tenant, agent)
    if json:
        return document(found)
    return console().print(table(("version", "saved at"), [(saved.version, saved.saved_at) for saved in found]))


def listed(found: Sequence[Agent]) -> Listing:
    """Agents, a line each."""
    rows = [tuple(plain(each)[column] for column in COLUMNS) for each in found]
    return table([column.replace("_", " ") for column in COLUMNS], rows)


def plain(agent: Agent) -> dict[str, object]:
    """An agent as `--json` gives it."""
    return {"agent": agent.agent, "version": agent.version} | agent.configuration.model_dump(mode="json")

"""`headgate tenant`: who the tenants are and what they may do. A change binds at the gate from the next claim on."""

from typing import Annotated

import typer

from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from shared.cell import Cell
from shared.errors import HeadgateError, Unavailable
from shared.gate.gate import GateClosed
from shared.tenancy import agents
from shared.tenancy.agents import Agent
from shared.tenancy.holdings import Holdings, holdings
from shared.tenancy.provision import Provisioning
from shared.tenancy.tenants import PLATFORM, Tenant

#: The model of an agent that nothing else is said of: small, cheap, good at tools, and priced in the bundled table.
MODEL = "gpt-4.1-mini"

#: Every tenant's first agent, which answers turns that name none.
AGENT = "default"

Name = Annotated[str, typer.Argument(help="The tenant's id: lower-case letters, digits and '-'.")]
Limits = Annotated[list[str] | None, typer.Option("--limit", help="NAME=NUMBER, such as turns=4; repeatable.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make, show, change, suspend and resume tenants.", no_args_is_help=True)
    group.command("list")(list_)
    for command in (create, show, configure, suspend, resume):
        group.command()(command)
    app.add_typer(group, name="tenant")


def create(
    tenant: Name,
    *,
    tier: Annotated[str, typer.Option(help="The plan that sets limits and weight.")],
    name: Annotated[str | None, typer.Option(help="As people call it; default: the id.")] = None,
    limit: Limits = None,
    model: Annotated[str, typer.Option(help="The model of its first agent.")] = MODEL,
    prompt: Annotated[str, typer.Option(help="What its first agent is told.")] = agents.PROMPT,
) -> None:
    """Make a tenant with an agent of the name `default`."""
    cell, limits = opened(), numbers(limit)
    Provisioning(cell.admin).create_tenant(tenant, name=name or tenant, tier=tier, limits=limits)
    with cell.database.transaction(tenant) as connection:
        agents.put(connection, tenant, Agent(AGENT, model, prompt=prompt))
    _tell_gate(cell, tenant)
    console().print(f"Made {tenant}. Next: headgate key create --tenant {tenant} --scope turns:submit")


def configure(
    tenant: Name,
    *,
    tier: Annotated[str | None, typer.Option(help="Another plan; jobs that wait keep their lane.")] = None,
    weight: Annotated[float | None, typer.Option(min=0.001, help="Its share among the tenants of a lane.")] = None,
    limit: Limits = None,
    model: Annotated[str | None, typer.Option(help="The model of an agent.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What an agent is told.")] = None,
    agent: Annotated[str, typer.Option(help="The agent that --model and --prompt are about.")] = AGENT,
) -> None:
    """Change what is named; the rest stays."""
    changes = {"tier": tier, "weight": weight, "limits": numbers(limit)}
    if not any((*changes.values(), model, prompt)):
        raise typer.BadParameter("name what to change: --tier, --weight, --limit, --model or --prompt")
    cell = opened()
    if any(changes.values()):
        Provisioning(cell.admin).change_tenant(tenant, tier=tier, weight=weight, limits=numbers(limit))
    if model or prompt:
        _configure_agent(cell, tenant, agent, model, prompt)
    _tell_gate(cell, tenant)
    console().print(f"Changed {tenant}.")


def suspend(tenant: Name) -> None:
    """Let doors refuse this tenant's jobs; those that wait go on waiting, those that run end."""
    _set_status(tenant, "suspended")
    console().print(f"Suspended {tenant}. `headgate tenant resume {tenant}` ends that.")


def resume(tenant: Name) -> None:
    """End a suspension: doors accept, and what waited runs."""
    _set_status(tenant, "active")
    console().print(f"Resumed {tenant}.")


def list_(*, json: Json = False) -> None:
    """Every tenant, the platform's own included."""
    tenants = opened().tenants.all()
    if json:
        return document([_plain(tenant) for tenant in tenants])
    columns = ("tenant", "name", "tier", "status", "weight", "limits")
    rows = [(t.tenant_id, t.name, t.tier, t.status, t.weight, t.limits.model_dump()) for t in tenants]
    return console().print(table(columns, rows))


def show(tenant: Name, *, json: Json = False) -> None:
    """One tenant: its limits, agents, documents and jobs."""
    cell = opened()
    found = cell.tenants.get(tenant)
    with cell.database.transaction(tenant) as connection:
        held = holdings(connection, tenant)
    if json:
        return document(_plain(found) | vars(held))
    return _print(found, held)


def _print(tenant: Tenant, held: Holdings) -> None:
    out = console()
    said = _plain(tenant) | {"documents": f"{held.complete} complete of {held.documents}", "jobs": held.jobs}
    out.print(sheet(said))
    columns = ("agent", "model", "temperature", "tools", "knowledge bases")
    rows = [(a.agent, a.model, a.temperature, a.tools, a.knowledge_bases) for a in held.agents]
    out.print(table(columns, rows))


def _plain(tenant: Tenant) -> dict[str, object]:
    return {
        "tenant": tenant.tenant_id,
        "name": tenant.name,
        "tier": tenant.tier,
        "status": tenant.status,
        "weight": tenant.weight,
        "limits": tenant.limits.model_dump(),
    }


def _set_status(tenant: str, status: str) -> None:
    if tenant == PLATFORM:
        raise HeadgateError(f"{PLATFORM!r} is the platform's own tenant: its work cannot be suspended")
    cell = opened()
    Provisioning(cell.admin).change_tenant(tenant, status=status)
    _tell_gate(cell, tenant)


def _configure_agent(cell: Cell, tenant: str, agent: str, model: str | None, prompt: str | None) -> None:
    with cell.database.transaction(tenant) as connection:
        present = agents.get(connection, tenant, agent)
        told = {name: value for name, value in (("model", model), ("prompt", prompt)) if value is not None}
        agents.put(connection, tenant, Agent(**(vars(present) | told)))


def _tell_gate(cell: Cell, tenant: str) -> None:
    """A gate that is closed or away learns of it from the next offer or its rebuild."""
    try:
        cell.permits.publish(cell.gate.configure(cell.tenants.get(tenant).configuration))
    except (GateClosed, Unavailable) as error:
        console(stderr=True).print(f"The gate learns of this later: {error}")


def numbers(limits: list[str] | None) -> dict[str, int]:
    """`turns=4` as a limit."""
    found = {}
    for limit in limits or ():
        name, equals, number = limit.partition("=")
        if not equals or not number.isdecimal():
            raise typer.BadParameter(f"{limit!r} is no limit: write NAME=NUMBER, such as turns=4", param_hint="--limit")
        found[name] = int(number)
    return found

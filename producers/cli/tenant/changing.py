"""Making and changing tenants."""

from typing import Annotated

import typer

from producers.cli.limits import Limits, numbers
from producers.cli.opening import opened
from producers.cli.output import Json, console, document
from producers.cli.telling import heard_later, tell_tenant
from producers.cli.tenant.showing import Name, plain
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.errors import HeadgateError
from shared.lanes import Lane
from shared.tenancy import agents
from shared.tenancy.agents import Agent
from shared.tenancy.provision import Provisioning
from shared.tenancy.tenants import PLATFORM

#: The model of an agent that nothing else is said of: small, cheap, good at tools, and priced in the bundled table.
MODEL = "gpt-4.1-mini"

#: Every tenant's first agent, which answers turns that name none.
AGENT = "default"


def create(
    tenant: Name,
    *,
    tier: Annotated[str, typer.Option(help="The plan that sets limits and weight.")],
    name: Annotated[str | None, typer.Option(help="As people call it; default: the id.")] = None,
    limit: Limits = None,
    model: Annotated[str, typer.Option(help="The model of its first agent.")] = MODEL,
    prompt: Annotated[str, typer.Option(help="What its first agent is told.")] = agents.PROMPT,
    json: Json = False,
) -> None:
    """Make a tenant with an agent of the name `default`."""
    cell, limits = opened(), numbers(limit)
    Provisioning(cell.admin).create_tenant(tenant, name=name or tenant, tier=tier, limits=limits)
    with cell.database.transaction(tenant) as connection:
        agents.put(connection, tenant, Agent(AGENT, model, prompt=prompt))
    tell_tenant(cell, tenant)
    if json:
        return document(plain(cell.tenants.get(tenant)))
    return console().print(f"Made {tenant}. Next: headgate key create --tenant {tenant} --scope turns:submit")


def configure(
    tenant: Name,
    *,
    tier: Annotated[str | None, typer.Option(help="Another plan; jobs that wait keep their lane.")] = None,
    weight: Annotated[
        float | None, typer.Option(min=0.001, max=1e6, help="Its share among the tenants of a lane.")
    ] = None,
    limit: Limits = None,
    dedicated: Annotated[
        list[Family] | None, typer.Option(help="Give this family a lane of the tenant's own; jobs that wait stay.")
    ] = None,
    shared: Annotated[list[Family] | None, typer.Option(help="Put this family back into the tier's lane.")] = None,
    model: Annotated[str | None, typer.Option(help="The model of an agent.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What an agent is told.")] = None,
    agent: Annotated[str, typer.Option(help="The agent that --model and --prompt are about.")] = AGENT,
) -> None:
    """Change what is named; the rest stays."""
    limits, apart, back = numbers(limit), dedicated or [], shared or []
    if set(apart) & set(back):
        raise typer.BadParameter("a family is either --dedicated or --shared")
    if not any((tier, weight, limits, apart, back, model, prompt)):
        options = "--tier, --weight, --limit, --dedicated, --shared, --model or --prompt"
        raise typer.BadParameter(f"name what to change: {options}")
    cell = opened()
    if any((tier, weight, limits, apart, back)):
        Provisioning(cell.admin).change_tenant(
            tenant, tier=tier, weight=weight, limits=limits, dedicated=apart, shared=back
        )
    if model or prompt:
        _configure_agent(cell, tenant, agent, model, prompt)
    tell_tenant(cell, tenant)
    console().print(f"Changed {tenant}.")
    for family in apart:
        _say_who_serves(cell, Lane(family, tenant=tenant))


def _say_who_serves(cell: Cell, lane: Lane) -> None:
    """A lane just made has no worker yet; `headgate up` serves the lanes that it found as it started."""
    with heard_later():
        if str(lane) not in cell.gate.look()["slots"]:
            console().print(
                f"New jobs wait in {lane}, which no worker serves: `headgate worker --lanes {lane}` starts one, and "
                "`headgate up` serves it when it is started again."
            )


def suspend(tenant: Name) -> None:
    """Let doors refuse this tenant's jobs; those that wait go on waiting, those that run end."""
    _set_status(tenant, "suspended")
    console().print(f"Suspended {tenant}. `headgate tenant resume {tenant}` ends that.")


def resume(tenant: Name) -> None:
    """End a suspension: doors accept, and what waited runs."""
    _set_status(tenant, "active")
    console().print(f"Resumed {tenant}.")


def _set_status(tenant: str, status: str) -> None:
    if tenant == PLATFORM:
        raise HeadgateError(f"{PLATFORM!r} is the platform's own tenant: its work cannot be suspended")
    cell = opened()
    Provisioning(cell.admin).change_tenant(tenant, status=status)
    tell_tenant(cell, tenant)


def _configure_agent(cell: Cell, tenant: str, agent: str, model: str | None, prompt: str | None) -> None:
    with cell.database.transaction(tenant) as connection:
        present = agents.get(connection, tenant, agent)
        told = {name: value for name, value in (("model", model), ("prompt", prompt)) if value is not None}
        agents.put(connection, tenant, Agent(**(vars(present) | told)))

"""Making tenants, and stopping and starting them."""

from typing import Annotated

import typer

from producers.cli.commands.tenant.showing import Name, plain
from producers.cli.limits import Limits, numbers
from producers.cli.opening import opened
from producers.cli.output import Json, console, document
from producers.cli.telling import tell_tenant
from shared.agents.configuration import PROMPT, AgentConfiguration
from shared.agents.saving import saving
from shared.agents.saving.saving import Wanted
from shared.errors import HeadgateError
from shared.tenancy.provision import Provisioning
from shared.tenancy.tenants import PLATFORM, Tenant

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
    prompt: Annotated[str, typer.Option(help="What its first agent is told.")] = PROMPT,
    json: Json = False,
) -> None:
    """Make a tenant with an agent of the name `default`."""
    cell, limits = opened(), numbers(limit)
    wanted = Wanted(agents={AGENT: AgentConfiguration(model=model, prompt=prompt)})
    saving.create(cell, tenant, name=name or tenant, tier=tier, limits=limits, wanted=wanted)
    made = tell_tenant(cell, tenant)
    if json:
        return document(plain(made))
    return console().print(f"Made {tenant}. Next: headgate key create --tenant {tenant} --scope turns:submit")


def suspend(tenant: Name, *, json: Json = False) -> None:
    """Let doors refuse this tenant's jobs; those that wait go on waiting, those that run end."""
    suspended = _set_status(tenant, "suspended")
    if json:
        return document(plain(suspended))
    return console().print(f"Suspended {tenant}. `headgate tenant resume {tenant}` ends that.")


def resume(tenant: Name, *, json: Json = False) -> None:
    """End a suspension: doors accept, and what waited runs."""
    resumed = _set_status(tenant, "active")
    return document(plain(resumed)) if json else console().print(f"Resumed {tenant}.")


def _set_status(tenant: str, status: str) -> Tenant:
    if tenant == PLATFORM:
        raise HeadgateError(f"{PLATFORM!r} is the platform's own tenant: its work cannot be suspended")
    cell = opened()
    Provisioning(cell.admin).change_tenant(tenant, status=status)
    return tell_tenant(cell, tenant)

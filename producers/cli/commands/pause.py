"""`headgate pause`: an operator's hand on a tenant or a lane. Doors go on accepting, what runs ends, nothing starts."""

from typing import Annotated

import typer

from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.output import Json, console, document
from producers.cli.telling import heard_later, tell_tenant
from producers.cli.values import value_of
from shared.cell import Cell
from shared.changes import tell_pauses
from shared.lanes import Lane
from shared.tenancy import pauses
from shared.tenancy.provision import Provisioning

Tenant = Annotated[str | None, typer.Option(help="All jobs of this tenant.")]
OfLane = Annotated[str | None, typer.Option("--lane", help="All jobs of this lane: turns.pro, turns@acme.")]


#: What `--json` answers of what is held or let go.
HELD = "{tenant, paused}, or {lane, paused}"


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("pause --lane turns.pro", HELD))(pause)


def pause(tenant: Tenant = None, lane: OfLane = None, *, json: Json = False) -> None:
    """Hold a tenant or a lane back: its jobs are accepted and wait; those that run end."""
    option, name = set_paused(tenant, lane, paused=True)
    if json:
        return document({option.removeprefix("--"): name, "paused": True})
    return console().print(f"Paused {name}: its jobs wait. `headgate resume {option} {name}` lets them go on.")


def set_paused(tenant: str | None, lane: str | None, *, paused: bool) -> tuple[str, str]:
    """Hold it back, or let it go on; answers the option by which it was named, and its name."""
    cell = opened()
    match tenant, lane:
        case str(), None:
            Provisioning(cell.admin).change_tenant(tenant, paused=paused)
            tell_tenant(cell, tenant)
            return "--tenant", tenant
        case None, str():
            with value_of("--lane"):
                named = Lane.named(lane)
            _set_lane_paused(cell, named, paused=paused)
            return "--lane", lane
    raise typer.BadParameter("name either a tenant (--tenant acme) or a lane (--lane turns.pro)")


def _set_lane_paused(cell: Cell, lane: Lane, *, paused: bool) -> None:
    pauses.put(cell.admin, lane, paused=paused)
    with heard_later():
        tell_pauses(cell, {str(lane): paused})

"""`headgate resume`: take an operator's hand off a tenant or a lane (`producers.cli.commands.pause`)."""

import typer

from producers.cli.commands.pause import HELD, OfLane, Tenant, set_paused
from producers.cli.helping import ending
from producers.cli.output import Json, console, document


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("resume --lane turns.pro", HELD))(resume)


def resume(tenant: Tenant = None, lane: OfLane = None, *, json: Json = False) -> None:
    """Let a tenant or a lane go on that was paused; `headgate tenant resume` is for one that was suspended."""
    option, name = set_paused(tenant, lane, paused=False)
    if json:
        return document({option.removeprefix("--"): name, "paused": False})
    return console().print(f"{name} goes on.")

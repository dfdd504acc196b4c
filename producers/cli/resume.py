"""`headgate resume`: take an operator's hand off a tenant or a lane (`producers.cli.pause`)."""

import typer

from producers.cli.output import console
from producers.cli.pause import OfLane, Tenant, set_paused


def register(app: typer.Typer) -> None:
    app.command()(resume)


def resume(tenant: Tenant = None, lane: OfLane = None) -> None:
    """Let a tenant or a lane go on that was paused; `headgate tenant resume` is for one that was suspended."""
    _, name = set_paused(tenant, lane, paused=False)
    console().print(f"{name} goes on.")

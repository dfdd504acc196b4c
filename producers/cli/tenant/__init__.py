"""`headgate tenant`: who the tenants are and what they may do. A change binds at the gate from the next claim on."""

import typer

from producers.cli.tenant.changing import create, resume, suspend
from producers.cli.tenant.configuring import configure
from producers.cli.tenant.showing import list_, show


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make, show, change, suspend and resume tenants.", no_args_is_help=True)
    group.command("list")(list_)
    for command in (create, show, configure, suspend, resume):
        group.command()(command)
    app.add_typer(group, name="tenant")

"""`headgate tenant`: who the tenants are and what they may do. A change binds at the gate from the next claim on."""

import typer

from producers.cli.commands.tenant.changing import create, resume, suspend
from producers.cli.commands.tenant.configuring import configure
from producers.cli.commands.tenant.showing import PLAIN, list_, show
from producers.cli.helping import ending


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make, show, change, suspend and resume tenants.", no_args_is_help=True)
    group.command("list", epilog=ending("tenant list", f"a list of {PLAIN}"))(list_)
    group.command(epilog=ending("tenant create acme --tier pro", PLAIN))(create)
    group.command(epilog=ending("tenant show acme", f"{PLAIN}, and {{agents, documents, complete, jobs}}"))(show)
    saved = "{tenant, saved, agents, connections, broken, changed}"
    group.command(epilog=ending("tenant configure acme --limit turns=4 --limit rate=600", saved))(configure)
    group.command(epilog=ending("tenant suspend acme", PLAIN))(suspend)
    group.command(epilog=ending("tenant resume acme", PLAIN))(resume)
    app.add_typer(group, name="tenant")

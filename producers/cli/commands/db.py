"""`headgate db upgrade`: roles, schemas and migrations, through the admin's database URL."""

import typer
from sqlalchemy.exc import DBAPIError

from producers.cli.helping import ending
from producers.cli.machine import upgrade as run_migrations
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, table
from shared.errors import HeadgateError
from shared.stores.versions import versions


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Bring the database up to date.", no_args_is_help=True)
    group.command(epilog=ending("db upgrade", "a list of {schema, before, after}"))(upgrade)
    app.add_typer(group, name="db")


def upgrade(*, json: Json = False) -> None:
    """Make what is missing and run what has not run; safe to repeat, and beside running workers."""
    cell = opened()
    before = versions(cell.admin)
    try:
        run_migrations(cell.settings)
    except DBAPIError as error:
        raise HeadgateError(f"the migration stopped, and undid itself: {error.orig}") from error
    cell.verify()
    after = versions(cell.admin)
    schemas = [{"schema": name, "before": before[name], "after": after[name]} for name in after]
    if json:
        return document(schemas)
    return console().print(table(("schema", "before", "after"), [tuple(schema.values()) for schema in schemas]))

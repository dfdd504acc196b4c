"""Bringing a database up to date: its roles, its schemas and the migrations of each.

Migrations run as `headgate_owner`, which nobody logs in as; the tables' owner is not the application, and neither sees
other tenants' rows: row-level security is forced on the owner too. Waiting for a lock and running on are bounded, so
that a migration never queues every other statement behind itself.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from shared.errors import ConfigurationError, Unavailable
from shared.stores.postgres import DRIVER, without_password
from shared.stores.roles import LOGINS, OWNER

#: The schemas, in the order in which they are made.
SCHEMAS = ("control", "tenant")

#: How long a migration may wait for a lock, and how long one statement of it may run.
LOCK_TIMEOUT, STATEMENT_TIMEOUT = "5s", "10min"

#: Only one upgrade runs at a time in a database; any number that nobody else uses.
UPGRADE_LOCK = 4_849_415_401


def upgrade(admin_url: str, logins: dict[str, str]) -> None:
    """Make roles and schemas where they are missing and run what has not run. `logins`: role → database URL."""
    engine = create_engine(make_url(admin_url).set(drivername=DRIVER))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
            _make_roles(connection, {role: make_url(url).password for role, url in logins.items()})
            _make_schemas(connection)
            for schema in SCHEMAS:
                _migrate(connection, schema)
    except OperationalError as error:
        raise Unavailable(f"cannot upgrade {without_password(admin_url)}: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


def pending(connection: Connection) -> list[str]:
    """The schemas of this database that are behind the code."""
    behind = []
    for schema in SCHEMAS:
        heads = ScriptDirectory.from_config(config(schema)).get_heads()
        known = connection.execute(text("SELECT to_regclass(:name)"), {"name": f"{schema}.migrations"}).scalar()
        have = connection.execute(text(f"SELECT version_num FROM {schema}.migrations")).scalars().all() if known else []
        if sorted(heads) != sorted(have):
            behind.append(schema)
    return behind


def config(schema: str) -> Config:
    """Alembic's configuration for one schema."""
    folder = Path(__file__).parent / "migrations"
    made = Config()
    made.set_main_option("script_location", str(folder))
    made.set_main_option("path_separator", "newline")
    made.set_main_option("version_locations", str(folder / schema))
    made.attributes["schema"] = schema
    return made


def _migrate(connection: Connection, schema: str, *, to: str = "head") -> None:
    connection.execute(text(f"SET ROLE {OWNER}"))
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'; SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    chosen = config(schema)
    chosen.attributes["connection"] = connection
    command.upgrade(chosen, to)
    connection.execute(text("RESET ROLE"))
    connection.commit()


def _make_roles(connection: Connection, passwords: dict[str, str | None]) -> None:
    """Roles belong to the whole server, so another database of it may have made them already."""
    present = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    for role in (OWNER, *passwords):
        if role not in present:
            connection.execute(text(f"CREATE ROLE {role} NOINHERIT"))
    for role, password in passwords.items():
        if role not in LOGINS:
            raise ConfigurationError(f"database URLs log in as {', '.join(LOGINS)}, not {role!r}")
        if password is not None:
            statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            connection.execute(text(statement.as_string().replace(":", r"\:")))
    connection.execute(text(f"GRANT {OWNER} TO CURRENT_USER"))
    connection.commit()


def _make_schemas(connection: Connection) -> None:
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    for schema in SCHEMAS:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {OWNER}"))
    connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
    connection.commit()

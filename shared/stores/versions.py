"""Which migration each schema of a database has come to."""

from psycopg import sql

from shared.stores.migrate import SCHEMAS
from shared.stores.postgres import Connection, Database, one


def versions(admin: Database) -> dict[str, str | None]:
    """The newest migration that has run, by schema; None where none has."""
    with admin.connection() as connection:
        return {schema: _version(connection, schema) for schema in SCHEMAS}


def _version(connection: Connection, schema: str) -> str | None:
    if one(connection, "SELECT to_regclass(%s) AS known", (f"{schema}.migrations",))["known"] is None:
        return None
    newest = sql.SQL("SELECT max(version_num) AS version FROM {}").format(sql.Identifier(schema, "migrations"))
    row = connection.execute(newest).fetchone()
    return row["version"] if row else None

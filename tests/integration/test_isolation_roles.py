"""Who may see what besides tenants, and whom the platform refuses to be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg import errors

from shared import ids
from shared.cell import Cell
from shared.errors import ConfigurationError
from shared.stores.postgres import Connection, Database
from shared.stores.roles import APP, DISPATCHER, METERING, OWNER
from tests.support.cells import make_tenant

#: Columns of these types could carry content; what a role may read of them is known by name.
READABLE = """
SELECT c.relname AS table, a.attname AS column
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'tenant' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  AND a.atttypid::regtype::text IN ('text', 'text[]', 'jsonb', 'bytea', 'tsvector', 'vector')
  AND has_column_privilege(%s, c.oid, a.attnum, %s)
"""

#: Names and states, never words.
CONTENT_FREE = {
    DISPATCHER: {"tenant_id", "kind", "family", "ordering_key", "state"},
    METERING: {"tenant_id", "call_id", "kind", "state", "model", "provider", "billed_to"},
}


def readable(connection: Connection, role: str, privilege: str) -> set[str]:
    return {row["column"] for row in connection.execute(READABLE, (role, privilege)).fetchall()}


def refused(database: Database, statement: LiteralString) -> bool:
    """Whether this role has no right to this."""
    with database.connection() as connection:
        try:
            connection.execute(statement)
        except errors.InsufficientPrivilege:
            return True
    return False


@pytest.mark.parametrize("role", [DISPATCHER, METERING])
def test_roles_that_see_all_tenants_read_no_content(cell: Cell, role: str) -> None:
    with cell.admin.connection() as connection:
        assert readable(connection, role, "SELECT") == CONTENT_FREE[role]
        assert readable(connection, role, "UPDATE") == set()
        assert readable(connection, role, "INSERT") == set()


JOB_SAYS = ("payload", "result", "error", "source", "event_id", "reply_to", "principal")
STEP_SAYS = ("outcome", "error", "place", "input_hash")
WRITTEN_BY_TENANTS = (
    *("chunks", "messages", "documents", "agents", "conversations", "knowledge_bases", "memories", "connections"),
    *("credentials", "data_keys", "feedback"),
)


def test_roles_that_see_all_tenants_are_refused_their_words(cell: Cell) -> None:
    for column in JOB_SAYS:
        assert refused(cell.dispatcher, f"SELECT {column} FROM tenant.jobs"), column
        assert refused(cell.metering, f"SELECT {column} FROM tenant.jobs"), column
    for column in STEP_SAYS:
        assert refused(cell.metering, f"SELECT {column} FROM tenant.steps"), column
    for table in WRITTEN_BY_TENANTS:
        assert refused(cell.dispatcher, f"SELECT FROM tenant.{table}"), table
        assert refused(cell.metering, f"SELECT FROM tenant.{table}"), table
    assert refused(cell.dispatcher, "SELECT body FROM tenant.outbox")
    for column in ("kind", "key", "value"):
        assert refused(cell.dispatcher, f"SELECT {column} FROM tenant.cached"), column
    assert refused(cell.metering, "SELECT FROM tenant.cached")


def test_nobody_reads_the_api_keys(cell: Cell) -> None:
    for database in (cell.control, cell.dispatcher, cell.metering):
        assert refused(database, "SELECT FROM control.api_keys")
    for database in (cell.dispatcher, cell.metering):
        assert refused(database, "SELECT control.resolve_key('')")


def test_the_owner_of_the_tables_sees_no_tenants_rows(cell: Cell) -> None:
    make_tenant(cell, "acme")
    with cell.admin.transaction() as connection:
        connection.execute(f"SET LOCAL ROLE {OWNER}")
        connection.execute("SELECT set_config('headgate.tenant_id', 'acme', true)")
        assert connection.execute("SELECT FROM tenant.agents").rowcount == 0


def test_usage_records_are_only_ever_added(cell: Cell) -> None:
    for database in (cell.control, cell.metering):
        assert refused(database, "UPDATE control.usage_records SET quantity = 0")
        assert refused(database, "DELETE FROM control.usage_records")


def test_a_binding_ends_with_its_transaction(cell: Cell) -> None:
    make_tenant(cell, "acme")
    with_one_connection = Database(cell.database._url, pool=1)
    with with_one_connection.transaction("acme") as connection:
        backend = connection.info.backend_pid
        assert connection.execute("SELECT FROM tenant.agents").rowcount == 1
    with pytest.raises(errors.DivisionByZero), with_one_connection.transaction("acme") as connection:
        connection.execute("SELECT 1 / 0")
    with with_one_connection.transaction() as connection:
        assert connection.info.backend_pid == backend
        assert connection.execute("SELECT FROM tenant.agents").rowcount == 0
    with_one_connection.close()


def test_the_platforms_own_roles_are_held_by_row_level_security(cell: Cell) -> None:
    cell.verify()


def test_a_superuser_is_refused(cell: Cell) -> None:
    with pytest.raises(ConfigurationError, match="row-level security does not hold"):
        cell.admin.verify()


@pytest.mark.parametrize(
    "rights",
    [
        "ALTER ROLE {} BYPASSRLS",
        f"GRANT {OWNER} TO {{}}",
        "ALTER ROLE {} SUPERUSER; ALTER ROLE {} SET role = 'headgate_app'",
        "ALTER ROLE {} NOINHERIT; CREATE ROLE {}_free BYPASSRLS; GRANT {}_free TO {}",
    ],
    ids=["bypasses", "owns", "superuser in disguise", "may become one that bypasses"],
)
def test_a_role_that_could_step_round_row_level_security_is_refused(cell: Cell, rights: str) -> None:
    with a_login(cell, rights) as database, pytest.raises(ConfigurationError, match="row-level security does not hold"):
        database.verify()


@contextmanager
def a_login(cell: Cell, rights: str) -> Iterator[Database]:
    """The database as a role with these rights, for as long as the context lasts: roles belong to the whole server."""
    name = f"headgate_test_{ids.new().hex}"
    parts = urlsplit(cell.admin._url)
    host = parts.netloc.rpartition("@")[2]
    with cell.admin.connection() as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE {APP}")
        try:
            for statement in rights.replace("{}", name).split("; "):
                connection.execute(statement)
            database = Database(urlunsplit(parts._replace(netloc=f"{name}:secret@{host}")))
            yield database
            database.close()
        finally:
            connection.execute(f"DROP ROLE {name}")
            connection.execute(f"DROP ROLE IF EXISTS {name}_free")

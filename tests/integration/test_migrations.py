"""Migrations bring a database to what the map of the data says, once, and never queue everybody behind themselves."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url, text

from shared.agents.configuration import AgentConfiguration
from shared.agents.templates import template
from shared.cell import Cell
from shared.embedded import Servers
from shared.errors import Unavailable
from shared.settings import with_role
from shared.stores import migrate, roles, tables
from shared.stores.postgres import DRIVER
from tests.support import cells


@pytest.fixture
def database(cell: Cell) -> Iterator[Connection]:
    """The admin's connection to a migrated database."""
    engine = create_engine(make_url(cell.admin._url).set(drivername=DRIVER))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def upgrade(cell: Cell) -> None:
    url = cell.database._url
    migrate.upgrade(cell.admin._url, {role: with_role(url, role) for role in (roles.APP, roles.DISPATCHER)})


def everything(database: Connection) -> list[tuple[object, ...]]:
    """The catalogue's rows for our schemas; any change to a table, its rights or policies changes one of them."""
    rows = database.execute(
        text(
            "SELECT c.oid, c.relname, c.xmin::text, c.relacl::text FROM pg_class c "
            "WHERE c.relnamespace::regnamespace::text IN ('control', 'tenant') ORDER BY c.oid"
        )
    )
    found = [tuple(row) for row in rows]
    database.rollback()
    return found


def test_a_second_upgrade_changes_nothing(cell: Cell, database: Connection) -> None:
    before = everything(database)
    assert migrate.pending(database) == []
    upgrade(cell)
    assert everything(database) == before


@pytest.fixture
def of_before(servers: Servers) -> Iterator[Connection]:
    """A database as it was before agents had versions, with an agent and a conversation of then."""
    with cells.empty_database(servers) as url:
        engine = create_engine(make_url(url).set(drivername=DRIVER))
        with engine.connect() as connection:
            migrate._make_schemas(connection)
            migrate._migrate(connection, "tenant", to="0006")
            connection.execute(text(OF_BEFORE))
            connection.commit()
            yield connection
        engine.dispose()


#: As a superuser, whom row-level security does not hold.
OF_BEFORE = """
INSERT INTO tenant.agents
VALUES ('acme', 'default', 'Say {{ it }} {# so #}', 'gpt-4.1', 0.5, 99, 3, '{recall}', '{a,b}');
INSERT INTO tenant.conversations (tenant_id, conversation_id, agent) VALUES ('acme', 'c-1', 'default');
INSERT INTO tenant.messages (tenant_id, conversation_id, job_id, role, content)
SELECT 'acme', 'c-1', '01a20563-0da7-77b0-9437-b0d3cd76132f', role, 'said by ' || role
FROM unnest(ARRAY['user', 'assistant']) AS role
"""


def test_agents_and_messages_of_before_go_on(of_before: Connection) -> None:
    migrate._migrate(of_before, "tenant")
    (kept,) = of_before.execute(text("SELECT agent, version, configuration FROM tenant.agents")).all()
    agent = AgentConfiguration.model_validate(kept.configuration)
    assert (kept.agent, kept.version, agent.model, agent.max_tokens) == ("default", 1, "gpt-4.1", 99)
    assert (agent.max_tool_calls, list(agent.tools), list(agent.knowledge_bases)) == (3, ["recall"], ["a", "b"])
    assert template.render(agent.prompt, {}) == "Say { { it }} { # so #}", "what was no template says what it said"
    said = of_before.execute(text("SELECT role, ordinal FROM tenant.messages ORDER BY position")).all()
    assert [tuple(row) for row in said] == [("user", 0), ("assistant", 1)]


@pytest.mark.parametrize("schema", migrate.SCHEMAS)
def test_the_migrated_database_is_the_map_of_the_data(database: Connection, schema: str) -> None:
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name == schema,
        "version_table": "migrations",
        "version_table_schema": schema,
        "compare_server_default": True,
    }
    compared = compare_metadata(MigrationContext.configure(database, opts=options), tables.SCHEMAS[schema])
    assert compared == []


def test_a_column_that_the_map_does_not_know_is_found(database: Connection) -> None:
    database.execute(text("ALTER TABLE tenant.jobs ADD forgotten text"))
    with pytest.raises(AssertionError, match="forgotten"):
        test_the_migrated_database_is_the_map_of_the_data(database, "tenant")


def test_a_schema_behind_the_code_is_pending(database: Connection) -> None:
    database.execute(text("UPDATE tenant.migrations SET version_num = '0001'"))
    assert migrate.pending(database) == ["tenant"]


def test_a_migration_does_not_wait_long_for_a_lock(
    cell: Cell, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")
    database.execute(text("UPDATE control.migrations SET version_num = '0001'"))
    database.commit()
    database.execute(text("SELECT FROM control.tenants"))  # a reader's lock, which a change of the table waits for
    with pytest.raises(Unavailable, match="lock timeout"):
        upgrade(cell)
    database.rollback()
    assert migrate.pending(database) == ["control"]

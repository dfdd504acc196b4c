"""Row by row, in every table: a tenant sees, writes and refers to its own, and nobody sees anything."""

import pytest
from psycopg import errors, sql
from sqlalchemy import Table

from shared.cell import Cell
from shared.tenancy.provision import Provisioning
from tests.support.rows import count, insert, named, row, tenant_tables

MINE, THEIRS = "acme", "globex"

#: What Postgres answers to whom a table, or a row of it, is not open.
REFUSED = errors.InsufficientPrivilege


@pytest.fixture(autouse=True)
def rows(cell: Cell) -> None:
    """One row of each of two tenants in every table."""
    for tenant in (MINE, THEIRS):
        Provisioning(cell.admin).create_tenant(tenant, name=tenant, tier="pro")
    with cell.admin.transaction() as connection:
        for table in tenant_tables():
            for tenant in (MINE, THEIRS):
                insert(connection, table, row(table, tenant))


def touched(cell: Cell, table: Table, statement: str, *, tenant: str | None = MINE) -> int:
    """How many rows the application can touch so; none where it is refused. Nothing of it lasts."""
    with cell.database.transaction(tenant) as connection, connection.transaction(force_rollback=True):
        try:
            return connection.execute(sql.SQL(statement).format(named(table))).rowcount
        except REFUSED:
            return 0


def refuses(cell: Cell, table: Table, of: str, *, bound_to: str | None) -> bool:
    """Whether the application may not write a row of this tenant."""
    values = row(table, of) | {"tenant_id": of}
    with cell.database.transaction(bound_to) as connection, connection.transaction(force_rollback=True):
        try:
            insert(connection, table, values)
        except REFUSED:
            return True
        except errors.UniqueViolation:
            return False
    return False


def test_there_are_two_tenants_rows_in_every_table(cell: Cell) -> None:
    with cell.admin.connection() as connection:
        for table in tenant_tables():
            assert [count(connection, table, tenant) for tenant in (MINE, THEIRS)] == [1, 1], table.fullname


@pytest.mark.parametrize("nobody", [None, ""])
def test_without_a_tenant_every_table_is_empty(cell: Cell, nobody: str | None) -> None:
    for table in tenant_tables():
        assert touched(cell, table, "SELECT FROM {}", tenant=nobody) == 0, table.fullname


@pytest.mark.parametrize("nobody", [None, ""])
def test_without_a_tenant_nothing_can_be_written(cell: Cell, nobody: str | None) -> None:
    for table in tenant_tables():
        assert refuses(cell, table, MINE, bound_to=nobody), table.fullname


def test_a_tenant_sees_its_own_rows(cell: Cell) -> None:
    for table in tenant_tables():
        assert touched(cell, table, "SELECT FROM {}") == 1, table.fullname


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM {} WHERE tenant_id = 'globex'",
        "SELECT FROM {} WHERE tenant_id <> 'acme'",
        "UPDATE {} SET tenant_id = tenant_id WHERE tenant_id = 'globex'",
        "UPDATE {} SET tenant_id = 'acme' WHERE tenant_id = 'globex'",
        "DELETE FROM {} WHERE tenant_id = 'globex'",
        "SELECT FROM {} WHERE tenant_id = 'globex' FOR UPDATE",
    ],
)
def test_a_tenant_reaches_no_row_of_another(cell: Cell, statement: str) -> None:
    for table in tenant_tables():
        assert touched(cell, table, statement) == 0, table.fullname


def test_a_tenant_cannot_write_a_row_of_another(cell: Cell) -> None:
    for table in tenant_tables():
        assert refuses(cell, table, THEIRS, bound_to=MINE), table.fullname


def test_a_tenant_cannot_give_its_rows_away(cell: Cell) -> None:
    for table in tenant_tables():
        assert touched(cell, table, "UPDATE {} SET tenant_id = 'globex'") == 0, table.fullname


def test_no_row_can_refer_to_another_tenants(cell: Cell) -> None:
    """Not even a superuser's, whom row-level security does not hold."""
    for table in tenant_tables():
        for key in table.foreign_key_constraints:
            values = row(table, "initech") | {name: row(table, THEIRS)[name] for name in key.column_keys}
            with pytest.raises(errors.ForeignKeyViolation), cell.admin.transaction() as connection:
                insert(connection, table, values | {"tenant_id": "initech"})


def test_a_tenant_sees_itself_among_the_tenants(cell: Cell) -> None:
    with cell.control.transaction(MINE) as connection:
        seen = connection.execute("SELECT tenant_id FROM control.tenants").fetchall()
    assert [row["tenant_id"] for row in seen] == [MINE]
    with cell.control.transaction() as connection:
        assert connection.execute("SELECT FROM control.tenants").rowcount == 0

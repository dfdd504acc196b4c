"""The catalogue itself: every table, today's and tomorrow's, keeps tenants apart."""

import pytest

from shared.cell import Cell
from shared.stores.roles import OWNER
from tests.support.catalogue import faults

SAFE = """
CREATE TABLE tenant.more (tenant_id text, id text, PRIMARY KEY (tenant_id, id));
ALTER TABLE tenant.more ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant.more FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON tenant.more TO headgate_app
    USING (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''));
"""

#: What a migration of tomorrow could do wrong, and what is said of it.
MISTAKES = [
    ("CREATE TABLE tenant.x (tenant_id text PRIMARY KEY)", "tenant.x does not force row-level security"),
    ("ALTER TABLE tenant.more NO FORCE ROW LEVEL SECURITY", "tenant.more does not force row-level security"),
    ("CREATE TABLE tenant.x (tenant_id text)", "tenant.x has no primary key"),
    (
        "CREATE TABLE tenant.x (id text, tenant_id text, PRIMARY KEY (id, tenant_id))",
        "x_pkey of tenant.x begins with id",
    ),
    ("ALTER TABLE tenant.more ADD UNIQUE (id)", "more_id_key of tenant.more begins with id"),
    ("CREATE UNIQUE INDEX ON tenant.more (lower(id))", "more_lower_idx of tenant.more begins with None"),
    (
        "ALTER TABLE tenant.more ADD FOREIGN KEY (id, tenant_id) REFERENCES tenant.credentials (credential, tenant_id)",
        "more_id_tenant_id_fkey of tenant.more begins with id",
    ),
    ("CREATE VIEW tenant.seen AS SELECT * FROM tenant.jobs", "tenant.seen is no table"),
    ("CREATE MATERIALIZED VIEW tenant.seen AS SELECT 1 AS one", "tenant.seen is no table"),
    (
        "CREATE POLICY wide ON tenant.more TO headgate_app USING (true)",
        "wide of tenant.more shows the application true",
    ),
    ("CREATE POLICY wide ON tenant.more USING (false)", "wide of tenant.more is for everybody"),
    (
        "CREATE POLICY wide ON tenant.more FOR INSERT TO headgate_app WITH CHECK (true)",
        "lets the application write true",
    ),
    ("GRANT SELECT ON tenant.more TO PUBLIC", "everybody may SELECT tenant.more"),
    ("CREATE FUNCTION tenant.peek() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "tenant.peek runs with"),
    ("RESET ROLE; CREATE TABLE tenant.x (tenant_id text PRIMARY KEY)", "tenant.x belongs to"),
]


def test_every_table_keeps_tenants_apart(cell: Cell) -> None:
    with cell.admin.connection() as connection:
        assert faults(connection) == []


@pytest.mark.parametrize(("mistake", "said"), MISTAKES)
def test_a_table_added_without_care_is_found(cell: Cell, mistake: str, said: str) -> None:
    with cell.admin.transaction() as connection:
        connection.execute(f"SET LOCAL ROLE {OWNER}")
        connection.execute(SAFE)
        assert faults(connection) == []
        connection.execute(mistake)
        assert [fault for fault in faults(connection) if said in fault], faults(connection)

"""What the database's own catalogue says against isolation: one line for each fault of a table, policy or function."""

from collections.abc import Iterator

from shared.stores.postgres import Connection
from shared.stores.roles import APP, OWNER

#: Hold nothing of a tenant.
NOBODYS = {"control.tiers", "control.lanes", "control.migrations", "tenant.epoch", "tenant.migrations"}

#: Keys that do not begin with the tenant: a tenant's tier, and what an API key is found by before its tenant is known.
KNOWN_KEYS = {"tenants_tier_tiers_fkey", "api_keys_pkey", "api_keys_key_hash_key"}

#: May be called with its owner's rights: an exact hash goes in, one row comes out.
KNOWN_FUNCTIONS = {"control.resolve_key"}

#: The one condition under which the application sees a row.
OWN_ROWS = "(tenant_id = NULLIF(current_setting('headgate.tenant_id'::text, true), ''::text))"

TABLES = """
SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner) AS owner, c.relkind IN ('v', 'm', 'f') AS indirect
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('control', 'tenant') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""

#: Primary, unique and foreign keys: the first column here, and of what is referred to.
KEYS = """
SELECT i.indexrelid::regclass::text AS key, i.indrelid::regclass::text AS name,
       (SELECT attname FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = i.indkey[0]) AS first
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('control', 'tenant') AND i.indisunique
UNION ALL
SELECT f.conname, f.conrelid::regclass::text,
       (SELECT attname FROM pg_attribute WHERE attrelid = f.conrelid AND attnum = f.conkey[1])
FROM pg_constraint f WHERE f.contype = 'f' AND f.connamespace::regnamespace::text IN ('control', 'tenant')
UNION ALL
SELECT f.conname, f.conrelid::regclass::text,
       (SELECT attname FROM pg_attribute WHERE attrelid = f.confrelid AND attnum = f.confkey[1])
FROM pg_constraint f WHERE f.contype = 'f' AND f.connamespace::regnamespace::text IN ('control', 'tenant')
"""

UNKEYED = """
SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('control', 'tenant') AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
"""

POLICIES = """
SELECT schemaname || '.' || tablename AS name, policyname AS policy, roles::text[] AS roles, permissive, cmd, qual,
       with_check
FROM pg_policies WHERE schemaname IN ('control', 'tenant')
"""

FUNCTIONS = """
SELECT n.nspname || '.' || p.proname AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

FOR_EVERYBODY = """
SELECT c.oid::regclass::text AS name, acl.privilege_type AS privilege
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS acl
WHERE n.nspname IN ('control', 'tenant') AND acl.grantee = 0
"""


def faults(connection: Connection) -> list[str]:
    """Everything that stands against isolation, in words."""
    return sorted({*_tables(connection), *_keys(connection), *_policies(connection), *_ways_round(connection)})


def _tables(connection: Connection) -> Iterator[str]:
    for row in connection.execute(TABLES).fetchall():
        if row["indirect"]:
            yield f"{row['name']} is no table: a view reads with its owner's rights"
        elif not row["forced"] and row["name"] not in NOBODYS:
            yield f"{row['name']} does not force row-level security"
        if row["owner"] != OWNER:
            yield f"{row['name']} belongs to {row['owner']}"


def _keys(connection: Connection) -> Iterator[str]:
    for row in connection.execute(UNKEYED).fetchall():
        yield f"{row['name']} has no primary key"
    for row in connection.execute(KEYS).fetchall():
        known = row["key"].split(".")[-1] in KNOWN_KEYS or row["name"] in NOBODYS
        if row["first"] != "tenant_id" and not known:
            yield f"{row['key']} of {row['name']} begins with {row['first']}, not with tenant_id"


def _policies(connection: Connection) -> Iterator[str]:
    for row in connection.execute(POLICIES).fetchall():
        where = f"policy {row['policy']} of {row['name']}"
        if "public" in row["roles"]:
            yield f"{where} is for everybody"
        if APP in row["roles"] and row["qual"] not in (None, OWN_ROWS):
            yield f"{where} shows the application {row['qual']}"
        if APP in row["roles"] and row["with_check"] not in (None, OWN_ROWS):
            yield f"{where} lets the application write {row['with_check']}"


def _ways_round(connection: Connection) -> Iterator[str]:
    for row in connection.execute(FUNCTIONS).fetchall():
        if row["name"] not in KNOWN_FUNCTIONS:
            yield f"{row['name']} runs with its owner's rights"
    for row in connection.execute(FOR_EVERYBODY).fetchall():
        yield f"everybody may {row['privilege']} {row['name']}"

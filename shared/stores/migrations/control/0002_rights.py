"""Who may see and do what in the control schema."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RIGHTS = """
GRANT USAGE ON SCHEMA control TO headgate_app, headgate_dispatcher, headgate_metering;

-- Nothing of a tenant: the plans.
GRANT SELECT ON control.tiers TO headgate_app, headgate_dispatcher;

-- A tenant sees itself; the dispatcher sees limits and status of all, for the gate.
ALTER TABLE control.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own_row ON control.tenants TO headgate_app
    USING (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''));
CREATE POLICY all_rows ON control.tenants FOR SELECT TO headgate_dispatcher, headgate_metering USING (true);
CREATE POLICY provisioning ON control.tenants TO headgate_owner USING (true) WITH CHECK (true);
GRANT SELECT ON control.tenants TO headgate_app, headgate_dispatcher, headgate_metering;

-- Keys are nobody's to read: an exact hash goes in, one row comes out.
ALTER TABLE control.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY provisioning ON control.api_keys TO headgate_owner USING (true) WITH CHECK (true);
CREATE FUNCTION control.resolve_key(hash bytea) RETURNS TABLE (
    key_id text, principal text, tenant_id text, acts_for text[], scopes text[],
    expires_at timestamptz, revoked_at timestamptz
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = control, pg_temp AS $$
    SELECT k.key_id, k.principal, k.tenant_id, k.acts_for, k.scopes, k.expires_at, k.revoked_at
    FROM control.api_keys k WHERE k.key_hash = hash
$$;
REVOKE ALL ON FUNCTION control.resolve_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION control.resolve_key(bytea) TO headgate_app;

-- Usage: metering writes, a tenant reads its own. Records are append-only: nobody may change one.
ALTER TABLE control.usage_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.usage_records FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON control.usage_records FOR SELECT TO headgate_app
    USING (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''));
CREATE POLICY metering ON control.usage_records TO headgate_metering USING (true) WITH CHECK (true);
GRANT SELECT ON control.usage_records TO headgate_app;
GRANT SELECT, INSERT ON control.usage_records TO headgate_metering;

ALTER TABLE control.rollups ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.rollups FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON control.rollups FOR SELECT TO headgate_app
    USING (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''));
CREATE POLICY metering ON control.rollups TO headgate_metering USING (true) WITH CHECK (true);
GRANT SELECT ON control.rollups TO headgate_app;
GRANT SELECT, INSERT, UPDATE ON control.rollups TO headgate_metering;
"""

TIERS = """
INSERT INTO control.tiers (tier, weight, limits) VALUES
    ('free', 1, '{"running": 4, "turns": 2, "ingest": 1, "embed": 1, "ops": 1, "backlog": 10000}'),
    ('pro', 4, '{"running": 16, "turns": 8, "ingest": 4, "embed": 2, "ops": 2, "backlog": 50000}'),
    ('enterprise', 16, '{"running": 64, "turns": 32, "ingest": 8, "embed": 4, "ops": 4, "backlog": 200000}'),
    ('platform', 16, '{"running": 8, "turns": 0, "ingest": 0, "embed": 0, "ops": 8, "backlog": 10000}');
INSERT INTO control.tenants (tenant_id, name, tier) VALUES ('platform', 'the platform itself', 'platform');
"""


def upgrade() -> None:
    op.execute(RIGHTS)
    op.execute(TIERS)

"""Row-level security on every table of a tenant, and what each role may do."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "jobs",
    "steps",
    "outbox",
    "agents",
    "conversations",
    "messages",
    "knowledge_bases",
    "documents",
    "chunks",
)

ISOLATION = """
ALTER TABLE tenant.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON tenant.{table} TO headgate_app
    USING (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''))
    WITH CHECK (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.{table} TO headgate_app;
"""

HOUSEKEEPING = """
GRANT USAGE ON SCHEMA tenant TO headgate_app, headgate_dispatcher, headgate_metering;
INSERT INTO tenant.epoch (epoch) VALUES (0);
GRANT SELECT ON tenant.epoch TO headgate_app, headgate_dispatcher;
GRANT UPDATE (epoch) ON tenant.epoch TO headgate_dispatcher;

-- The dispatcher offers, rebuilds and relays: it sees where a job stands, never what it says.
CREATE POLICY dispatcher ON tenant.jobs TO headgate_dispatcher USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, job_id, seq, kind, family, ordering_key, priority, state, run, failures, fence,
              accepted_at, due_at, offered_at, started_at, finished_at) ON tenant.jobs TO headgate_dispatcher;
GRANT UPDATE (offered_at) ON tenant.jobs TO headgate_dispatcher;
CREATE POLICY dispatcher ON tenant.outbox FOR SELECT TO headgate_dispatcher USING (true);
GRANT SELECT (tenant_id, message_id, due_at, sent_at) ON tenant.outbox TO headgate_dispatcher;

-- Metering prices what was drawn: it sees tokens, never words.
CREATE POLICY metering ON tenant.steps TO headgate_metering USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, job_id, call_id, kind, state, model, worst_input_tokens, worst_output_tokens,
              input_tokens, output_tokens, cached_tokens, ended_at, recorded_at) ON tenant.steps TO headgate_metering;
GRANT UPDATE (recorded_at) ON tenant.steps TO headgate_metering;
CREATE POLICY metering ON tenant.jobs FOR SELECT TO headgate_metering USING (true);
GRANT SELECT (tenant_id, job_id, kind) ON tenant.jobs TO headgate_metering;
"""


def upgrade() -> None:
    for table in TENANT_TABLES:
        op.execute(ISOLATION.format(table=table))
    op.execute(HOUSEKEEPING)

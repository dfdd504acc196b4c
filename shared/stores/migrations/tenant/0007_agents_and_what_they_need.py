"""Agents by version, what they may reach, what they remember, conversations as they are held, and what is cached."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TENANT_TABLES = ("connections", "credentials", "data_keys", "memories", "cached", "feedback")

#: The rows are the owner's for a moment, whom row-level security, forced, holds too.
AGENTS = """
ALTER TABLE tenant.agents NO FORCE ROW LEVEL SECURITY;
UPDATE tenant.agents SET configuration = jsonb_build_object(
    'prompt', replace(replace(replace(prompt, '{{', '{ {'), '{%', '{ %'), '{#', '{ #'),
    'model', model, 'temperature', temperature,
    'max_tokens', max_tokens, 'max_tool_calls', max_tool_calls, 'tools', tools, 'knowledge_bases', knowledge_bases);
ALTER TABLE tenant.agents FORCE ROW LEVEL SECURITY;
"""

MESSAGES = """
ALTER TABLE tenant.messages NO FORCE ROW LEVEL SECURITY;
UPDATE tenant.messages SET ordinal = 1 WHERE role = 'assistant';
ALTER TABLE tenant.messages FORCE ROW LEVEL SECURITY;
"""

ISOLATION = """
ALTER TABLE tenant.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON tenant.{table} TO headgate_app
    USING (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''))
    WITH CHECK (tenant_id = nullif(current_setting('headgate.tenant_id', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.{table} TO headgate_app;
"""

RIGHTS = """
-- What is cached goes when its time is over, unread.
CREATE POLICY dispatcher ON tenant.cached TO headgate_dispatcher USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, expires_at), DELETE ON tenant.cached TO headgate_dispatcher;

GRANT SELECT (provider, billed_to, from_cache) ON tenant.steps TO headgate_metering;
"""


def upgrade() -> None:
    _agents()
    _connections()
    _conversations()
    _messages()
    _kept_of_users()
    _cached()
    _steps()
    for table in TENANT_TABLES:
        op.execute(ISOLATION.format(table=table))
    op.execute(RIGHTS)


def _agents() -> None:
    _add("agents", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    _add("agents", sa.Column("configuration", JSONB(), server_default="{}", nullable=False))
    _add("agents", _moment("saved_at"))
    op.execute(AGENTS)
    old = ("prompt", "model", "temperature", "max_tokens", "max_tool_calls", "tools", "knowledge_bases")
    for column in old:
        op.drop_column("agents", column, schema="tenant")
    for column in ("version", "configuration"):
        op.alter_column("agents", column, server_default=None, schema="tenant")
    op.drop_constraint(op.f("agents_pkey"), "agents", schema="tenant")
    op.create_primary_key(op.f("agents_pkey"), "agents", ["tenant_id", "agent", "version"], schema="tenant")


def _connections() -> None:
    _make(
        "connections",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("configuration", JSONB(), nullable=False),
        _moment("saved_at"),
        sa.CheckConstraint("kind IN ('http', 'mcp')", name=op.f("connections_kind_check")),
        key=("connection",),
    )
    _make(
        "credentials",
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ends_in", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        key=("credential",),
    )
    _make(
        "data_keys",
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("master_key", sa.Text(), nullable=False),
        _moment("created_at"),
        key=(),
    )


def _conversations() -> None:
    _add("conversations", sa.Column("user_identifier", sa.Text(), nullable=True))
    _add("conversations", sa.Column("state", sa.Text(), server_default="open", nullable=False))
    _add("conversations", sa.Column("turns", sa.Integer(), server_default="0", nullable=False))
    _add("conversations", sa.Column("handed_off_at", sa.DateTime(timezone=True), nullable=True))
    _add("conversations", sa.Column("handoff_reason", sa.Text(), nullable=True))
    _add("conversations", sa.Column("summary", sa.Text(), nullable=True))
    _add("conversations", sa.Column("summarised_to", sa.BigInteger(), server_default="0", nullable=False))
    _check("conversations", "state", "state IN ('open', 'handed_off')")
    op.create_index(
        "conversations_handed_off_idx",
        "conversations",
        ["handed_off_at"],
        schema="tenant",
        postgresql_where=sa.text("state = 'handed_off'"),
    )


def _messages() -> None:
    _add("messages", sa.Column("ordinal", sa.SmallInteger(), server_default="0", nullable=False))
    _add("messages", sa.Column("tool_calls", JSONB(), nullable=True))
    _add("messages", sa.Column("tool_call_id", sa.Text(), nullable=True))
    op.execute(MESSAGES)
    op.alter_column("messages", "ordinal", server_default=None, schema="tenant")
    op.drop_constraint(op.f("messages_tenant_id_job_id_role_key"), "messages", schema="tenant")
    op.create_unique_constraint(
        op.f("messages_tenant_id_job_id_ordinal_key"), "messages", ["tenant_id", "job_id", "ordinal"], schema="tenant"
    )
    op.drop_constraint(op.f("messages_role_check"), "messages", schema="tenant", type_="check")
    _check("messages", "role", "role IN ('user', 'assistant', 'tool')")


def _kept_of_users() -> None:
    _make(
        "memories",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("user_identifier", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        _moment("remembered_at"),
        key=("agent", "user_identifier", "name"),
    )
    _make(
        "feedback",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("satisfaction", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=False),
        _moment("given_at"),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name=op.f("feedback_satisfaction_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"],
            ["tenant.jobs.tenant_id", "tenant.jobs.job_id"],
            name=op.f("feedback_tenant_id_jobs_fkey"),
            ondelete="CASCADE",
        ),
        key=("job_id",),
    )


def _cached() -> None:
    _add("knowledge_bases", sa.Column("version", sa.BigInteger(), server_default="0", nullable=False))
    _make(
        "cached",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        _moment("kept_at"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('response', 'embedding', 'retrieval')", name=op.f("cached_kind_check")),
        key=("kind", "key"),
    )
    op.create_index(op.f("cached_expires_at_idx"), "cached", ["expires_at"], unique=False, schema="tenant")


def _steps() -> None:
    _add("steps", sa.Column("provider", sa.Text(), nullable=True))
    _add("steps", sa.Column("billed_to", sa.Text(), server_default="platform", nullable=False))
    _add("steps", sa.Column("from_cache", sa.Boolean(), server_default="false", nullable=False))
    _check("steps", "billed_to", "billed_to IN ('platform', 'tenant')")
    op.drop_constraint(op.f("steps_kind_check"), "steps", schema="tenant", type_="check")
    _check("steps", "kind", "kind IN ('model', 'embedding', 'tool', 'assembly', 'retrieval', 'hook')")


def _add(table: str, column: "sa.Column[Any]") -> None:
    op.add_column(table, column, schema="tenant")


def _make(table: str, *parts: "sa.Column[Any] | sa.Constraint", key: tuple[str, ...]) -> None:
    tenant = sa.Column("tenant_id", sa.Text(), nullable=False)
    primary = sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"{table}_pkey"))
    op.create_table(table, tenant, *parts, primary, schema="tenant")


def _moment(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"{table}_{name}_check"), table, condition, schema="tenant")

"""Jobs that somebody asked to cancel, and one running job for each ordering key."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Keys were kept and not obeyed before: what runs at this moment runs on without one, or two might hold the same.
UNORDERED = """
ALTER TABLE tenant.jobs NO FORCE ROW LEVEL SECURITY;
UPDATE tenant.jobs SET ordering_key = NULL WHERE state = 'running' AND ordering_key IS NOT NULL;
ALTER TABLE tenant.jobs FORCE ROW LEVEL SECURITY;
"""

RIGHTS = "GRANT SELECT (cancel_requested_at) ON tenant.jobs TO headgate_dispatcher"


def upgrade() -> None:
    op.execute(UNORDERED)
    op.add_column("jobs", sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True), schema="tenant")
    op.create_index(
        "jobs_in_order_idx",
        "jobs",
        ["tenant_id", "ordering_key", "seq"],
        schema="tenant",
        postgresql_where=sa.text("ordering_key IS NOT NULL AND state IN ('waiting', 'running')"),
    )
    op.create_index(
        "jobs_one_of_a_key_runs_idx",
        "jobs",
        ["tenant_id", "ordering_key"],
        unique=True,
        schema="tenant",
        postgresql_where=sa.text("ordering_key IS NOT NULL AND state = 'running'"),
    )
    op.create_index(
        "jobs_cancel_requested_idx",
        "jobs",
        ["cancel_requested_at"],
        schema="tenant",
        postgresql_where=sa.text("cancel_requested_at IS NOT NULL"),
    )
    op.execute(RIGHTS)

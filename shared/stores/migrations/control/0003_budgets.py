"""Budgets of tiers and tenants; what they mean stands in `shared.gate.limits`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("tiers", "tenants"):
        op.add_column(
            table,
            sa.Column("budgets", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
            schema="control",
        )

"""What an operator's hand sets: tenants and lanes that are paused, families that have a lane of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RIGHTS = """
-- Lanes say nothing of a tenant's content: the dispatcher tells the gate of them.
GRANT SELECT ON control.lanes TO headgate_dispatcher;
"""


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column("paused", sa.Boolean(), server_default="false", nullable=False),
        schema="control",
    )
    op.add_column(
        "tenants",
        sa.Column("dedicated", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        schema="control",
    )
    op.create_table(
        "lanes",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("lanes_pkey")),
        schema="control",
    )
    op.execute(RIGHTS)
    op.create_index(op.f("tenants_changed_at_idx"), "tenants", ["changed_at"], unique=False, schema="control")

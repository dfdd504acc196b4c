"""Which models a tier may use, and where a tenant's words may go."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tiers", sa.Column("models", sa.ARRAY(sa.Text()), nullable=True), schema="control")
    op.add_column("tenants", sa.Column("residency", sa.Text(), nullable=True), schema="control")

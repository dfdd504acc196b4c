"""The first tables; what they mean stands in `shared.stores.tables`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollups",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("quarter_hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "quarter_hour", "meter", "model", "status", name=op.f("rollups_pkey")),
        schema="control",
    )
    op.create_table(
        "tiers",
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("weight > 0", name=op.f("tiers_weight_check")),
        sa.PrimaryKeyConstraint("tier", name=op.f("tiers_pkey")),
        schema="control",
    )
    op.create_table(
        "usage_records",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano", sa.BigInteger(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('billed', 'unknown')", name=op.f("usage_records_status_check")),
        sa.PrimaryKeyConstraint("tenant_id", "record_id", name=op.f("usage_records_pkey")),
        schema="control",
    )
    op.create_index(
        op.f("usage_records_tenant_id_drawn_at_idx"),
        "usage_records",
        ["tenant_id", "drawn_at"],
        unique=False,
        schema="control",
    )
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("tenants_status_check")),
        sa.CheckConstraint("weight > 0", name=op.f("tenants_weight_check")),
        sa.ForeignKeyConstraint(["tier"], ["control.tiers.tier"], name=op.f("tenants_tier_tiers_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("tenants_pkey")),
        schema="control",
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("acts_for", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(tenant_id IS NULL) <> (acts_for = '{}')", name=op.f("api_keys_tenant_or_service_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["control.tenants.tenant_id"], name=op.f("api_keys_tenant_id_tenants_fkey")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("key_hash", name=op.f("api_keys_key_hash_key")),
        schema="control",
    )

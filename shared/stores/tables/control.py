"""Who may ask, and for how much; what was drawn, priced."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.stores.tables.schemas import CONTROL, moment

Table(
    "tiers",
    CONTROL,
    Column("tier", Text, primary_key=True),
    Column("weight", Double, nullable=False),
    Column("limits", JSONB, nullable=False),
    Column("budgets", JSONB, nullable=False, server_default="{}"),
    # That its tenants' agents may use; none: all.
    Column("models", ARRAY(Text)),
    CheckConstraint("weight > 0", name="weight"),
)

Table(
    "tenants",
    CONTROL,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", ForeignKey("control.tiers.tier"), nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("weight", Double),
    # What is not its tier's.
    Column("limits", JSONB, nullable=False, server_default="{}"),
    Column("budgets", JSONB, nullable=False, server_default="{}"),
    # The region that its words may not leave.
    Column("residency", Text),
    # By an operator's hand: nothing of it starts; families that have a lane of the tenant's own.
    Column("paused", Boolean, nullable=False, server_default="false"),
    Column("dedicated", ARRAY(Text), nullable=False, server_default="{}"),
    # Grows with each change, so that the gate keeps the newest whoever tells it.
    Column("version", BigInteger, nullable=False, server_default="1"),
    moment("created_at", required=True),
    moment("changed_at", required=True),
    Index(None, "changed_at"),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint("weight > 0", name="weight"),
)

# Lanes that were ever paused by an operator's hand.
Table(
    "lanes",
    CONTROL,
    Column("lane", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    moment("changed_at", required=True),
)

Table(
    "api_keys",
    CONTROL,
    Column("key_id", Text, primary_key=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("principal", Text, nullable=False),
    Column("tenant_id", ForeignKey("control.tenants.tenant_id")),
    Column("acts_for", ARRAY(Text), nullable=False, server_default="{}"),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("created_at", required=True),
    moment("expires_at"),
    moment("revoked_at"),
    CheckConstraint("(tenant_id IS NULL) <> (acts_for = '{}')", name="tenant_or_service"),
)

usage_records = Table(
    "usage_records",
    CONTROL,
    Column("tenant_id", Text),
    Column("record_id", Uuid),
    Column("job_id", Uuid, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    moment("drawn_at", required=True),
    moment("recorded_at", required=True),
    PrimaryKeyConstraint("tenant_id", "record_id"),
    Index(None, "tenant_id", "drawn_at"),
    CheckConstraint("status IN ('billed', 'unknown')", name="status"),
)

rollups = Table(
    "rollups",
    CONTROL,
    Column("tenant_id", Text),
    Column("quarter_hour", DateTime(timezone=True)),
    Column("meter", Text),
    Column("model", Text),
    Column("status", Text),
    Column("quantity", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "quarter_hour", "meter", "model", "status"),
)

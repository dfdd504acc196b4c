"""What a tenant entrusts to Headgate, sealed (`shared.tenancy.vault`)."""

from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Table, Text

from shared.stores.tables.schemas import TENANT, moment

# A tenant's own keys, for model providers and for what its tools reach.
Table(
    "credentials",
    TENANT,
    Column("tenant_id", Text),
    Column("credential", Text),
    Column("label", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    # Its last characters, by which people know it.
    Column("ends_in", Text, nullable=False),
    moment("created_at", required=True),
    moment("revoked_at"),
    PrimaryKeyConstraint("tenant_id", "credential"),
)

# What a tenant's secrets are sealed with, itself sealed by the master key whose fingerprint stands beside it.
Table(
    "data_keys",
    TENANT,
    Column("tenant_id", Text),
    Column("sealed", LargeBinary, nullable=False),
    Column("master_key", Text, nullable=False),
    moment("created_at", required=True),
    PrimaryKeyConstraint("tenant_id"),
)

"""The map of the data.

Two schemas with an engine each, and no joins or foreign keys across, so that a tenant's data can move to a database of
its own:

`control`   tiers ◁ tenants ◁ api_keys          who may ask, and for how much
            usage_records ▷ rollups             what was drawn, priced; and its sums by quarter hour
`tenant`    epoch                               the number of the gate's present memory
            jobs ◁ steps                        the ledger; and the journal of each job's calls
            outbox                              what must leave: answers
            agents, conversations ◁ messages    what turns read and write
            knowledge_bases ◁ documents ◁ chunks

Every table of a tenant has `tenant_id` first in its primary key and in each foreign key, so that a reference to another
tenant's row cannot be written, and row-level security, forced, so that it cannot be read. Exceptions, which the
catalogue test knows by name: `control.tiers` and `tenant.epoch` hold nothing of a tenant; `control.tenants` and
`control.api_keys` are about tenants.
"""

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

NAMES = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_%(referred_table_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}

control = MetaData(schema="control", naming_convention=NAMES)
tenant = MetaData(schema="tenant", naming_convention=NAMES)

NOW = text("now()")


def moment(name: str, *, required: bool = False) -> Column[object]:
    """A point in time; with `required`, the moment of writing unless said otherwise."""
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=NOW if required else None)


def count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


# --- control ----------------------------------------------------------------

Table(
    "tiers",
    control,
    Column("tier", Text, primary_key=True),
    Column("weight", Double, nullable=False),
    Column("limits", JSONB, nullable=False),
    CheckConstraint("weight > 0", name="weight"),
)

Table(
    "tenants",
    control,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", ForeignKey("control.tiers.tier"), nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("weight", Double),
    Column("limits", JSONB, nullable=False, server_default="{}"),
    # Grows with each change, so that the gate keeps the newest whoever tells it.
    Column("version", BigInteger, nullable=False, server_default="1"),
    moment("created_at", required=True),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint("weight > 0", name="weight"),
)

Table(
    "api_keys",
    control,
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
    control,
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
    control,
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

# --- tenant -----------------------------------------------------------------

Table(
    "epoch",
    tenant,
    Column("singleton", Boolean, primary_key=True, server_default="true"),
    Column("epoch", BigInteger, nullable=False),
    CheckConstraint("singleton", name="singleton"),
)

jobs = Table(
    "jobs",
    tenant,
    Column("tenant_id", Text),
    Column("job_id", Uuid),
    # The order of acceptance, over all tenants.
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("ordering_key", Text),
    Column("priority", SmallInteger, nullable=False, server_default="5"),
    # Names work that one waiting job may do for all who ask for it (embedding a knowledge base).
    Column("coalesce_key", Text),
    Column("principal", Text, nullable=False),
    Column("door", Text, nullable=False),
    Column("reply_to", Text),
    Column("traceparent", Text),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("run", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    moment("accepted_at", required=True),
    moment("due_at"),
    moment("offered_at"),
    moment("started_at"),
    moment("finished_at"),
    Column("result", JSONB),
    Column("error", Text),
    PrimaryKeyConstraint("tenant_id", "job_id"),
    UniqueConstraint("tenant_id", "source", "event_id"),
    Index(
        "jobs_unfinished_idx",
        "seq",
        postgresql_where=text("state IN ('waiting', 'running')"),
    ),
    Index(
        "jobs_unoffered_idx",
        "accepted_at",
        postgresql_where=text("state = 'waiting' AND offered_at IS NULL"),
    ),
    Index(
        "jobs_coalesce_idx",
        "tenant_id",
        "coalesce_key",
        postgresql_where=text("state = 'waiting' AND coalesce_key IS NOT NULL"),
    ),
    CheckConstraint(
        "state IN ('waiting', 'running', 'done', 'discarded', 'dead', 'denied', 'cancelled')",
        name="state",
    ),
)

Table(
    "steps",
    tenant,
    Column("tenant_id", Text),
    Column("job_id", Uuid),
    Column("call_id", Text),
    Column("place", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("input_hash", LargeBinary, nullable=False),
    Column("model", Text),
    count("worst_input_tokens"),
    count("worst_output_tokens"),
    count("input_tokens"),
    count("output_tokens"),
    count("cached_tokens"),
    Column("outcome", JSONB),
    Column("error", Text),
    moment("intended_at", required=True),
    moment("ended_at"),
    moment("recorded_at"),
    PrimaryKeyConstraint("tenant_id", "job_id", "call_id"),
    ForeignKeyConstraint(["tenant_id", "job_id"], ["tenant.jobs.tenant_id", "tenant.jobs.job_id"], ondelete="CASCADE"),
    Index(
        "steps_unrecorded_idx",
        "ended_at",
        postgresql_where=text("model IS NOT NULL AND state IN ('answered', 'unknown') AND recorded_at IS NULL"),
    ),
    CheckConstraint("kind IN ('model', 'embedding', 'tool', 'assembly')", name="kind"),
    CheckConstraint("state IN ('intent', 'answered', 'failed', 'unknown')", name="state"),
)

Table(
    "outbox",
    tenant,
    Column("tenant_id", Text),
    Column("message_id", Uuid),
    Column("destination", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    moment("written_at", required=True),
    moment("due_at", required=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    moment("sent_at"),
    Column("error", Text),
    PrimaryKeyConstraint("tenant_id", "message_id"),
    Index("outbox_unsent_idx", "due_at", postgresql_where=text("sent_at IS NULL")),
)

Table(
    "agents",
    tenant,
    Column("tenant_id", Text),
    Column("agent", Text),
    Column("prompt", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("temperature", Double, nullable=False),
    Column("max_tokens", Integer, nullable=False),
    Column("max_tool_calls", Integer, nullable=False),
    Column("tools", ARRAY(Text), nullable=False),
    Column("knowledge_bases", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("tenant_id", "agent"),
)

Table(
    "conversations",
    tenant,
    Column("tenant_id", Text),
    Column("conversation_id", Text),
    Column("agent", Text, nullable=False),
    moment("begun_at", required=True),
    PrimaryKeyConstraint("tenant_id", "conversation_id"),
)

Table(
    "messages",
    tenant,
    Column("tenant_id", Text),
    Column("conversation_id", Text),
    Column("position", BigInteger, Identity(always=True)),
    Column("job_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    moment("said_at", required=True),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "position"),
    ForeignKeyConstraint(
        ["tenant_id", "conversation_id"],
        ["tenant.conversations.tenant_id", "tenant.conversations.conversation_id"],
        ondelete="CASCADE",
    ),
    UniqueConstraint("tenant_id", "job_id", "role"),
    CheckConstraint("role IN ('user', 'assistant')", name="role"),
)

Table(
    "knowledge_bases",
    tenant,
    Column("tenant_id", Text),
    Column("knowledge_base", Text),
    Column("embedding_model", Text, nullable=False),
    moment("created_at", required=True),
    PrimaryKeyConstraint("tenant_id", "knowledge_base"),
)

Table(
    "documents",
    tenant,
    Column("tenant_id", Text),
    Column("document_id", Uuid),
    Column("knowledge_base", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text),
    Column("media_type", Text, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    # The order in which documents came: where two have one name, the later one is the document.
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    moment("ingested_at", required=True),
    # Searches see a document from this moment on: all its chunks are embedded.
    moment("complete_at"),
    PrimaryKeyConstraint("tenant_id", "document_id"),
    ForeignKeyConstraint(
        ["tenant_id", "knowledge_base"],
        ["tenant.knowledge_bases.tenant_id", "tenant.knowledge_bases.knowledge_base"],
        ondelete="CASCADE",
    ),
    UniqueConstraint("tenant_id", "knowledge_base", "name", "content_hash"),
)

Table(
    "chunks",
    tenant,
    Column("tenant_id", Text),
    Column("document_id", Uuid),
    Column("ordinal", Integer),
    Column("heading", Text),
    Column("text", Text, nullable=False),
    Column("embedding", VECTOR),
    Column(
        "words",
        TSVECTOR,
        Computed("to_tsvector('english', coalesce(heading, '') || ' ' || text)", persisted=True),
    ),
    PrimaryKeyConstraint("tenant_id", "document_id", "ordinal"),
    ForeignKeyConstraint(
        ["tenant_id", "document_id"],
        ["tenant.documents.tenant_id", "tenant.documents.document_id"],
        ondelete="CASCADE",
    ),
    Index("chunks_words_idx", "words", postgresql_using="gin"),
    Index("chunks_pending_idx", "tenant_id", "document_id", postgresql_where=text("embedding IS NULL")),
)

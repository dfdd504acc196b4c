"""What turns read and write: agents, conversations, memories, knowledge."""

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from shared.stores.tables.schemas import TENANT, moment

# Each saving of an agent is a version of its own: a turn that runs again is answered by the one it began with.
Table(
    "agents",
    TENANT,
    Column("tenant_id", Text),
    Column("agent", Text),
    Column("version", Integer),
    Column("configuration", JSONB, nullable=False),
    moment("saved_at", required=True),
    PrimaryKeyConstraint("tenant_id", "agent", "version"),
)

# What agents may reach: HTTP endpoints and MCP servers that the tenant declared.
Table(
    "connections",
    TENANT,
    Column("tenant_id", Text),
    Column("connection", Text),
    Column("kind", Text, nullable=False),
    Column("configuration", JSONB, nullable=False),
    moment("saved_at", required=True),
    PrimaryKeyConstraint("tenant_id", "connection"),
    CheckConstraint("kind IN ('http', 'mcp')", name="kind"),
)

Table(
    "conversations",
    TENANT,
    Column("tenant_id", Text),
    Column("conversation_id", Text),
    Column("agent", Text, nullable=False),
    moment("begun_at", required=True),
    # Whose it is: another user's turn is refused.
    Column("user_identifier", Text),
    Column("state", Text, nullable=False, server_default="open"),
    Column("turns", Integer, nullable=False, server_default="0"),
    moment("handed_off_at"),
    Column("handoff_reason", Text),
    # What was said up to a message's position, in short.
    Column("summary", Text),
    Column("summarised_to", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id", "conversation_id"),
    CheckConstraint("state IN ('open', 'handed_off')", name="state"),
    Index("conversations_handed_off_idx", "handed_off_at", postgresql_where=text("state = 'handed_off'")),
)

Table(
    "messages",
    TENANT,
    Column("tenant_id", Text),
    Column("conversation_id", Text),
    Column("position", BigInteger, Identity(always=True)),
    Column("job_id", Uuid, nullable=False),
    # Of the messages that a turn adds, the how many-th.
    Column("ordinal", SmallInteger, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    # What an assistant asked tools for; which of these a tool answers.
    Column("tool_calls", JSONB),
    Column("tool_call_id", Text),
    moment("said_at", required=True),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "position"),
    ForeignKeyConstraint(
        ["tenant_id", "conversation_id"],
        ["tenant.conversations.tenant_id", "tenant.conversations.conversation_id"],
        ondelete="CASCADE",
    ),
    UniqueConstraint("tenant_id", "job_id", "ordinal"),
    CheckConstraint("role IN ('user', 'assistant', 'tool')", name="role"),
)

# What an agent was asked to keep in mind of a user.
Table(
    "memories",
    TENANT,
    Column("tenant_id", Text),
    Column("agent", Text),
    Column("user_identifier", Text),
    Column("name", Text),
    Column("content", Text, nullable=False),
    moment("remembered_at", required=True),
    PrimaryKeyConstraint("tenant_id", "agent", "user_identifier", "name"),
)

Table(
    "feedback",
    TENANT,
    Column("tenant_id", Text),
    Column("job_id", Uuid),
    Column("satisfaction", SmallInteger, nullable=False),
    Column("comment", Text),
    Column("given_by", Text, nullable=False),
    moment("given_at", required=True),
    PrimaryKeyConstraint("tenant_id", "job_id"),
    ForeignKeyConstraint(["tenant_id", "job_id"], ["tenant.jobs.tenant_id", "tenant.jobs.job_id"], ondelete="CASCADE"),
    CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
)

# Answers that were paid for once, each under a key made from all that it depends on.
Table(
    "cached",
    TENANT,
    Column("tenant_id", Text),
    Column("kind", Text),
    Column("key", LargeBinary),
    Column("value", JSONB, nullable=False),
    moment("kept_at", required=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "kind", "key"),
    Index(None, "expires_at"),
    CheckConstraint("kind IN ('response', 'embedding', 'retrieval')", name="kind"),
)

Table(
    "knowledge_bases",
    TENANT,
    Column("tenant_id", Text),
    Column("knowledge_base", Text),
    Column("embedding_model", Text, nullable=False),
    # Grows whenever what searches see of it changes.
    Column("version", BigInteger, nullable=False, server_default="0"),
    moment("created_at", required=True),
    PrimaryKeyConstraint("tenant_id", "knowledge_base"),
)

Table(
    "documents",
    TENANT,
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
    TENANT,
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

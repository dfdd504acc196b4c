"""What turns read and write: agents, conversations, knowledge."""

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from shared.stores.tables.schemas import TENANT, moment

Table(
    "agents",
    TENANT,
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
    TENANT,
    Column("tenant_id", Text),
    Column("conversation_id", Text),
    Column("agent", Text, nullable=False),
    moment("begun_at", required=True),
    PrimaryKeyConstraint("tenant_id", "conversation_id"),
)

Table(
    "messages",
    TENANT,
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
    TENANT,
    Column("tenant_id", Text),
    Column("knowledge_base", Text),
    Column("embedding_model", Text, nullable=False),
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

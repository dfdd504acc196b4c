"""The first tables; what they mean stands in `shared.stores.tables`."""

import pgvector.sqlalchemy
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("max_tokens", sa.Integer(), nullable=False),
        sa.Column("max_tool_calls", sa.Integer(), nullable=False),
        sa.Column("tools", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("knowledge_bases", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "agent", name=op.f("agents_pkey")),
        schema="tenant",
    )
    op.create_table(
        "conversations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "conversation_id", name=op.f("conversations_pkey")),
        schema="tenant",
    )
    op.create_table(
        "epoch",
        sa.Column("singleton", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("epoch_singleton_check")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("epoch_pkey")),
        schema="tenant",
    )
    op.create_table(
        "jobs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ordering_key", sa.Text(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("coalesce_key", sa.Text(), nullable=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("run", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'discarded', 'dead', 'denied', 'cancelled')",
            name=op.f("jobs_state_check"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint("tenant_id", "source", "event_id", name=op.f("jobs_tenant_id_source_event_id_key")),
        schema="tenant",
    )
    op.create_index(
        "jobs_coalesce_idx",
        "jobs",
        ["tenant_id", "coalesce_key"],
        unique=False,
        schema="tenant",
        postgresql_where=sa.text("state = 'waiting' AND coalesce_key IS NOT NULL"),
    )
    op.create_index(op.f("jobs_tenant_id_seq_idx"), "jobs", ["tenant_id", "seq"], unique=False, schema="tenant")
    op.create_index(
        "jobs_unfinished_idx",
        "jobs",
        ["seq"],
        unique=False,
        schema="tenant",
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_index(
        "jobs_unoffered_idx",
        "jobs",
        ["accepted_at"],
        unique=False,
        schema="tenant",
        postgresql_where=sa.text("state = 'waiting' AND offered_at IS NULL"),
    )
    op.create_table(
        "knowledge_bases",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("knowledge_base", sa.Text(), nullable=False),
        sa.Column("embedding_model", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "knowledge_base", name=op.f("knowledge_bases_pkey")),
        schema="tenant",
    )
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "message_id", name=op.f("outbox_pkey")),
        schema="tenant",
    )
    op.create_index(
        "outbox_unsent_idx",
        "outbox",
        ["due_at"],
        unique=False,
        schema="tenant",
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.create_table(
        "documents",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("knowledge_base", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "knowledge_base"],
            ["tenant.knowledge_bases.tenant_id", "tenant.knowledge_bases.knowledge_base"],
            name=op.f("documents_tenant_id_knowledge_bases_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "document_id", name=op.f("documents_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "knowledge_base",
            "name",
            "content_hash",
            name=op.f("documents_tenant_id_knowledge_base_name_content_hash_key"),
        ),
        schema="tenant",
    )
    op.create_table(
        "messages",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('user', 'assistant')", name=op.f("messages_role_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "conversation_id"],
            ["tenant.conversations.tenant_id", "tenant.conversations.conversation_id"],
            name=op.f("messages_tenant_id_conversations_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "conversation_id", "position", name=op.f("messages_pkey")),
        sa.UniqueConstraint("tenant_id", "job_id", "role", name=op.f("messages_tenant_id_job_id_role_key")),
        schema="tenant",
    )
    op.create_table(
        "steps",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("worst_input_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("worst_output_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("intended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('model', 'embedding', 'tool', 'assembly')", name=op.f("steps_kind_check")),
        sa.CheckConstraint("state IN ('intent', 'answered', 'failed', 'unknown')", name=op.f("steps_state_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"],
            ["tenant.jobs.tenant_id", "tenant.jobs.job_id"],
            name=op.f("steps_tenant_id_jobs_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "call_id", name=op.f("steps_pkey")),
        schema="tenant",
    )
    op.create_index(
        "steps_unrecorded_idx",
        "steps",
        ["ended_at"],
        unique=False,
        schema="tenant",
        postgresql_where=sa.text("model IS NOT NULL AND state IN ('answered', 'unknown') AND recorded_at IS NULL"),
    )
    op.create_table(
        "chunks",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("embedding", pgvector.sqlalchemy.VECTOR(), nullable=True),
        sa.Column(
            "words",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('english', coalesce(heading, '') || ' ' || text)", persisted=True),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "document_id"],
            ["tenant.documents.tenant_id", "tenant.documents.document_id"],
            name=op.f("chunks_tenant_id_documents_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "document_id", "ordinal", name=op.f("chunks_pkey")),
        schema="tenant",
    )
    op.create_index(
        "chunks_pending_idx",
        "chunks",
        ["tenant_id", "document_id"],
        unique=False,
        schema="tenant",
        postgresql_where=sa.text("embedding IS NULL"),
    )
    op.create_index("chunks_words_idx", "chunks", ["words"], unique=False, schema="tenant", postgresql_using="gin")

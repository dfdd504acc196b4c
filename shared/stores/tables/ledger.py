"""Jobs, their steps, and what must leave."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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
from sqlalchemy.dialects.postgresql import JSONB

from shared.stores.tables.schemas import TENANT, count, moment

Table(
    "epoch",
    TENANT,
    Column("singleton", Boolean, primary_key=True, server_default="true"),
    Column("epoch", BigInteger, nullable=False),
    CheckConstraint("singleton", name="singleton"),
)

jobs = Table(
    "jobs",
    TENANT,
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
    # Runs that never ended: their processes died. Each is a failure, too.
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    moment("accepted_at", required=True),
    moment("due_at"),
    moment("offered_at"),
    moment("started_at"),
    moment("finished_at"),
    # Somebody wants this job to end. One that runs ends at its next step, or where its run ends otherwise.
    moment("cancel_requested_at"),
    Column("result", JSONB),
    Column("error", Text),
    PrimaryKeyConstraint("tenant_id", "job_id"),
    UniqueConstraint("tenant_id", "source", "event_id"),
    Index(None, "tenant_id", "seq"),
    # By the end, not by the states: a run's statements name states, and must never be led to read the whole backlog.
    Index(
        "jobs_unfinished_idx",
        "seq",
        postgresql_where=text("finished_at IS NULL"),
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
    Index(
        "jobs_in_order_idx",
        "tenant_id",
        "ordering_key",
        "seq",
        postgresql_where=text("ordering_key IS NOT NULL AND state IN ('waiting', 'running')"),
    ),
    Index(
        "jobs_one_of_a_key_runs_idx",
        "tenant_id",
        "ordering_key",
        unique=True,
        postgresql_where=text("ordering_key IS NOT NULL AND state = 'running'"),
    ),
    Index(
        "jobs_cancel_requested_idx",
        "cancel_requested_at",
        postgresql_where=text("cancel_requested_at IS NOT NULL"),
    ),
    CheckConstraint(
        "state IN ('waiting', 'running', 'done', 'discarded', 'dead', 'denied', 'cancelled')",
        name="state",
    ),
)

Table(
    "steps",
    TENANT,
    Column("tenant_id", Text),
    Column("job_id", Uuid),
    Column("call_id", Text),
    Column("place", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("input_hash", LargeBinary, nullable=False),
    Column("model", Text),
    Column("provider", Text),
    # Whose key paid for it: the platform's, or one of the tenant's own.
    Column("billed_to", Text, nullable=False, server_default="platform"),
    # Answered without a call, by what an earlier one was answered.
    Column("from_cache", Boolean, nullable=False, server_default="false"),
    count("worst_input_tokens"),
    count("worst_output_tokens"),
    count("input_tokens"),
    count("output_tokens"),
    count("cached_tokens"),
    # Nano-dollars: what the call may draw at worst, and what it drew.
    count("worst_nano"),
    count("drawn_nano"),
    Column("outcome", JSONB),
    Column("error", Text),
    moment("intended_at", required=True),
    moment("ended_at"),
    # When what a lost call drew became known after all: by a late answer, or from the provider's log.
    moment("reconciled_at"),
    moment("recorded_at"),
    PrimaryKeyConstraint("tenant_id", "job_id", "call_id"),
    ForeignKeyConstraint(["tenant_id", "job_id"], ["tenant.jobs.tenant_id", "tenant.jobs.job_id"], ondelete="CASCADE"),
    Index(
        "steps_unrecorded_idx",
        "ended_at",
        postgresql_where=text(
            "model IS NOT NULL AND state IN ('answered', 'failed', 'unknown', 'void') AND recorded_at IS NULL"
        ),
    ),
    Index("steps_intents_idx", "intended_at", postgresql_where=text("model IS NOT NULL AND state = 'intent'")),
    Index(
        "steps_unknown_idx",
        "intended_at",
        postgresql_where=text("model IS NOT NULL AND state = 'unknown' AND reconciled_at IS NULL"),
    ),
    Index("steps_intended_idx", "intended_at", postgresql_using="brin"),
    CheckConstraint("kind IN ('model', 'embedding', 'tool', 'assembly', 'retrieval', 'hook')", name="kind"),
    CheckConstraint("billed_to IN ('platform', 'tenant')", name="billed_to"),
    CheckConstraint("state IN ('intent', 'answered', 'failed', 'unknown', 'void')", name="state"),
)

Table(
    "outbox",
    TENANT,
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

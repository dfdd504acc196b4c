"""What steps hold against budgets, steps whose call was never made, and lost calls that were put right."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Metering refills the budgets' windows and puts lost calls right: it sees and writes tokens and moments, never words.
RIGHTS = """
GRANT SELECT (worst_nano, drawn_nano, intended_at, reconciled_at) ON tenant.steps TO headgate_metering;
GRANT UPDATE (input_tokens, output_tokens, cached_tokens, drawn_nano, reconciled_at) ON tenant.steps
    TO headgate_metering;
"""

OVER = "model IS NOT NULL AND state IN ('answered', 'failed', 'unknown', 'void') AND recorded_at IS NULL"
INTENTS = "model IS NOT NULL AND state = 'intent'"
UNKNOWN = "model IS NOT NULL AND state = 'unknown' AND reconciled_at IS NULL"


def upgrade() -> None:
    for name in ("worst_nano", "drawn_nano"):
        op.add_column("steps", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False), schema="tenant")
    op.add_column("steps", sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True), schema="tenant")
    op.drop_constraint(op.f("steps_state_check"), "steps", schema="tenant", type_="check")
    op.create_check_constraint(
        op.f("steps_state_check"),
        "steps",
        "state IN ('intent', 'answered', 'failed', 'unknown', 'void')",
        schema="tenant",
    )
    op.drop_index("steps_unrecorded_idx", "steps", schema="tenant")
    _index("steps_unrecorded_idx", "ended_at", postgresql_where=sa.text(OVER))
    _index("steps_intents_idx", "intended_at", postgresql_where=sa.text(INTENTS))
    _index("steps_unknown_idx", "intended_at", postgresql_where=sa.text(UNKNOWN))
    _index("steps_intended_idx", "intended_at", postgresql_using="brin")
    op.execute(RIGHTS)


def _index(name: str, column: str, **options: Any) -> None:
    op.create_index(name, "steps", [column], unique=False, schema="tenant", **options)

"""What is not over is known by having no end.

The index was bound to two states, which a run's own statements name too: once Postgres had counted while all jobs were
over, it took that index for a way to find one of them, and each start and end of a run read the whole backlog.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("jobs_unfinished_idx", "jobs", schema="tenant")
    op.create_index(
        "jobs_unfinished_idx", "jobs", ["seq"], schema="tenant", postgresql_where=sa.text("finished_at IS NULL")
    )

"""What people thought of answers.

Feedback belongs to a finished turn, one for each: who thinks again takes the place of what was thought before.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.errors import HeadgateError
from shared.ledger.reading import no_such_job
from shared.stores.postgres import Connection

GIVE = """
INSERT INTO tenant.feedback (tenant_id, job_id, satisfaction, comment, given_by)
SELECT tenant_id, job_id, %(satisfaction)s, %(comment)s, %(by)s FROM tenant.jobs
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND kind = 'agent.turn' AND state = 'done'
ON CONFLICT (tenant_id, job_id) DO UPDATE
SET satisfaction = excluded.satisfaction, comment = excluded.comment, given_by = excluded.given_by, given_at = now()
RETURNING satisfaction, comment, given_by, given_at
"""

KIND = "SELECT kind, state FROM tenant.jobs WHERE tenant_id = %s AND job_id = %s"

OF = """
SELECT satisfaction, comment, given_by, given_at FROM tenant.feedback WHERE tenant_id = %s AND job_id = %s
"""


@dataclass(frozen=True)
class Feedback:
    """`satisfaction`: from 1, bad, to 5, good."""

    satisfaction: int
    comment: str | None
    given_by: str
    given_at: datetime


def give(
    connection: Connection, tenant: str, job: UUID, *, satisfaction: int, comment: str | None, by: str
) -> Feedback:
    """Note what somebody thought of a turn's answer; refused where the job is no finished turn."""
    told = {"tenant": tenant, "job": job, "satisfaction": satisfaction, "comment": comment, "by": by}
    with connection.cursor(row_factory=class_row(Feedback)) as cursor:
        given = cursor.execute(GIVE, told).fetchone()
    if given is None:
        raise _refusal(connection, tenant, job)
    return given


def of(connection: Connection, tenant: str, job: UUID) -> Feedback | None:
    """What was thought of this turn's answer."""
    with connection.cursor(row_factory=class_row(Feedback)) as cursor:
        return cursor.execute(OF, (tenant, job)).fetchone()


def _refusal(connection: Connection, tenant: str, job: UUID) -> HeadgateError:
    row = connection.execute(KIND, (tenant, job)).fetchone()
    if row is None:
        return no_such_job(tenant, job)
    what = f"is {row['state']}" if row["kind"] == "agent.turn" else f"is no turn but {row['kind']}"
    return HeadgateError(f"job {job} {what}: feedback is given to turns that are done")

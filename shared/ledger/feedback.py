"""What people thought of answers, and what it says of the agents that gave them.

Feedback belongs to a finished turn, one for each: who thinks again takes the place of what was thought before.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row

from shared.errors import HeadgateError, NotFound
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

#: By what a turn's result says of it (`workers.turns.answer`). Only who hands a conversation off gives a reason: where
#: a human has it already, that is the rule by which the turn ends.
QUALITY = """
WITH turns AS (
  SELECT coalesce(result ->> 'agent', payload ->> 'agent', 'default') AS agent, (result ->> 'version')::int AS version,
         CASE WHEN state <> 'done' THEN 'failed'
              WHEN result ->> 'outcome' = 'handed_off' AND NOT result ? 'reason' THEN 'rule'
              WHEN result ->> 'outcome' IN ('closed', 'turns_used_up') THEN 'rule'
              ELSE coalesce(result ->> 'outcome', 'answered') END AS came_to, satisfaction
  FROM tenant.jobs LEFT JOIN tenant.feedback USING (tenant_id, job_id)
  WHERE tenant_id = %s AND kind = 'agent.turn' AND state IN ('done', 'dead', 'discarded', 'denied')
    AND finished_at > now() - %s * interval '1 day')
SELECT agent, version, count(*) AS turns,
       count(*) FILTER (WHERE came_to = 'answered') AS answered,
       count(*) FILTER (WHERE came_to = 'fallback') AS fallbacks,
       count(*) FILTER (WHERE came_to = 'handed_off') AS handoffs,
       count(*) FILTER (WHERE came_to = 'rule') AS rules,
       count(*) FILTER (WHERE came_to = 'hook') AS hooks,
       count(*) FILTER (WHERE came_to = 'failed') AS failed,
       count(satisfaction) AS feedbacks, avg(satisfaction)::float8 AS satisfaction
FROM turns GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Feedback:
    """`satisfaction`: from 1, bad, to 5, good."""

    satisfaction: int
    comment: str | None
    given_by: str
    given_at: datetime


@dataclass(frozen=True)
class Quality:
    """Of one version of an agent; None where a turn failed before it had one. Each turn counts in one column.

    `rules`: nobody was there, the turns were used up, or a human had the conversation already. `failed`: dead,
    discarded or denied; what somebody cancelled is not counted. `satisfaction`: the mean; None where nobody said.
    """

    agent: str
    version: int | None
    turns: int
    answered: int
    fallbacks: int
    handoffs: int
    rules: int
    hooks: int
    failed: int
    feedbacks: int
    satisfaction: float | None


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


def quality(connection: Connection, tenant: str, *, days: float) -> Cursor[Quality]:
    """Asked for: how the tenant's agents did in turns that ended in these last days, by agent and version."""
    return connection.cursor(row_factory=class_row(Quality)).execute(QUALITY, (tenant, days))


def _refusal(connection: Connection, tenant: str, job: UUID) -> HeadgateError:
    row = connection.execute(KIND, (tenant, job)).fetchone()
    if row is None:
        return NotFound(f"tenant {tenant!r} has no job {job}: `headgate jobs list --tenant {tenant}` shows the newest")
    what = f"is {row['state']}" if row["kind"] == "agent.turn" else f"is no turn but {row['kind']}"
    return HeadgateError(f"job {job} {what}: feedback is given to turns that are done")

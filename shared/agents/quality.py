"""How agents do, by version: what their turns came to, and what people thought of the answers."""

from dataclasses import dataclass

from psycopg import Cursor
from psycopg.rows import class_row

from shared.stores.postgres import Connection

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


def by_version(connection: Connection, tenant: str, *, days: float) -> Cursor[Quality]:
    """Asked for: how the tenant's agents did in turns that ended in these last days, by agent and version."""
    return connection.cursor(row_factory=class_row(Quality)).execute(QUALITY, (tenant, days))

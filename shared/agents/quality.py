"""How agents do, by version: what their turns came to, and what people thought of the answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor
from psycopg.rows import class_row

from shared.contracts.results import TurnOutcome
from shared.stores.postgres import Connection

#: By what a turn's result says of it (`TurnResult`). Only who hands a conversation off gives a reason: where
#: a human has it already, that is the rule by which the turn ends.
QUALITY = """
WITH turns AS (
  SELECT coalesce(result ->> 'agent', payload ->> 'agent', 'default') AS agent, (result ->> 'version')::int AS version,
         CASE WHEN state <> 'done' THEN 'failed'
              WHEN result ->> 'outcome' = %(handed_off)s AND NOT result ? 'reason' THEN 'rule'
              WHEN result ->> 'outcome' = ANY(%(rules)s) THEN 'rule'
              ELSE coalesce(result ->> 'outcome', %(answered)s) END AS came_to, satisfaction
  FROM tenant.jobs LEFT JOIN tenant.feedback USING (tenant_id, job_id)
  WHERE tenant_id = %(tenant)s AND kind = 'agent.turn' AND state IN ('done', 'dead', 'discarded', 'denied')
    AND finished_at > now() - %(days)s * interval '1 day')
SELECT agent, version, count(*) AS turns,
       count(*) FILTER (WHERE came_to = %(answered)s) AS answered,
       count(*) FILTER (WHERE came_to = %(fallback)s) AS fallbacks,
       count(*) FILTER (WHERE came_to = %(handed_off)s) AS handoffs,
       count(*) FILTER (WHERE came_to = 'rule') AS rules,
       count(*) FILTER (WHERE came_to = %(hook)s) AS hooks,
       count(*) FILTER (WHERE came_to = 'failed') AS failed,
       count(satisfaction) AS feedbacks, avg(satisfaction)::float8 AS satisfaction
FROM turns GROUP BY 1, 2 ORDER BY 1, 2
"""

OUTCOMES: Mapping[str, Any] = {
    "answered": TurnOutcome.ANSWERED.value,
    "fallback": TurnOutcome.FALLBACK.value,
    "handed_off": TurnOutcome.HANDED_OFF.value,
    "hook": TurnOutcome.HOOK.value,
    "rules": [TurnOutcome.CLOSED.value, TurnOutcome.TURNS_USED_UP.value],
}


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
    return connection.cursor(row_factory=class_row(Quality)).execute(
        QUALITY, {**OUTCOMES, "tenant": tenant, "days": days}
    )

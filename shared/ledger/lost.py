"""Calls whose answers were lost: how they become so behind a run that is over, and what a provider's log says of them.

Of what a run loses while it lives, the journal is told by the run (`shared.ledger.journal`); of what it left open, by
the next start of its job. But a job whose worker died may wait long for that: behind others that wait for room in a
budget, perhaps for the very room that the open intent holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.ledger.states import BilledTo
from shared.metering.prices import Tokens
from shared.providers import DEFAULT
from shared.stores.postgres import Connection

#: Seconds are a parameter.
OVERDUE = "model IS NOT NULL AND state = 'intent' AND intended_at < now() - %s * interval '1 second'"

OWNERS = f"SELECT DISTINCT tenant_id FROM tenant.steps WHERE {OVERDUE}"

LOSE = f"""
UPDATE tenant.steps SET state = 'unknown', ended_at = now(), error = 'its run ended before the answer was known'
WHERE tenant_id = %s AND {OVERDUE}
"""

#: In order of their intents, from where the last look stopped.
LOST = """
SELECT tenant_id, job_id, call_id, model, coalesce(provider, %(default)s) AS provider, billed_to, intended_at, ended_at,
       ended_at < now() - %(grace)s * interval '1 second' AS old
FROM tenant.steps
WHERE model IS NOT NULL AND state = 'unknown' AND reconciled_at IS NULL
  AND (%(tenants)s::text[] IS NULL OR tenant_id = ANY(%(tenants)s))
  AND (%(after)s::timestamptz IS NULL OR (intended_at, call_id) > (%(after)s, %(call)s))
ORDER BY intended_at, call_id LIMIT %(limit)s
"""

#: Only what is still unknown: its own worker may have been heard of meanwhile.
RECONCILE = """
UPDATE tenant.steps SET input_tokens = known.input, output_tokens = known.output, drawn_nano = known.nano,
       reconciled_at = now(), recorded_at = NULL
FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])
     AS known (tenant_id, job_id, call_id, input, output, nano)
WHERE steps.tenant_id = known.tenant_id AND steps.job_id = known.job_id AND steps.call_id = known.call_id
  AND steps.state = 'unknown' AND steps.reconciled_at IS NULL
"""


@dataclass(frozen=True)
class Lost:
    """A call whose answer was lost at `ended_at`; `old`: so long ago that a log that has it not never will."""

    tenant_id: str
    job_id: UUID
    call_id: str
    model: str
    provider: str
    billed_to: BilledTo
    intended_at: datetime
    ended_at: datetime
    old: bool


@dataclass(frozen=True)
class Known:
    """What a lost call drew after all: perhaps nothing. `nano`: in nano-dollars."""

    call: Lost
    drawn: Tokens
    nano: int


def owners(metering: Connection, *, seconds: float) -> list[str]:
    """Tenants with intents that are older than this."""
    return [row["tenant_id"] for row in metering.execute(OWNERS, (seconds,))]


def lose_overdue(connection: Connection, tenant: str, *, seconds: float) -> None:
    """Intents of this tenant that are older than any run can be become unknown."""
    connection.execute(LOSE, (tenant, seconds))


def find(
    metering: Connection, tenants: Sequence[str] | None, *, after: Lost | None, grace: float, limit: int
) -> list[Lost]:
    """The next lost calls of these tenants, or of all; those lost more than `grace` seconds ago are old."""
    asked = {"tenants": list(tenants) if tenants else None, "default": DEFAULT, "grace": grace, "limit": limit}
    place = {"after": after.intended_at if after else None, "call": after.call_id if after else None}
    with metering.cursor(row_factory=class_row(Lost)) as cursor:
        return cursor.execute(LOST, asked | place).fetchall()


def reconcile(metering: Connection, found: Sequence[Known]) -> None:
    """Write what these drew; each is to be recorded anew."""
    calls = [each.call for each in found]
    place = [[call.tenant_id for call in calls], [call.job_id for call in calls], [call.call_id for call in calls]]
    drawn = [[each.drawn.input for each in found], [each.drawn.output for each in found]]
    metering.execute(RECONCILE, (*place, *drawn, [each.nano for each in found]))

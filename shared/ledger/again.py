"""Letting a job that ended badly wait again: by hand, its failures forgotten, its finished steps kept for replay.

The row moves only from a state of that kind, and `fence` stays: whoever still holds an old token writes to a running
job or to none, and the next start raises the fence. The weakness: for a moment after the commit that ended the job the
gate still counts it as leased and would take an offer for the job it holds, then forget both. So a job rests before it
may wait again; a lease that its worker never gave back runs out by itself, and then the job is in its backlog already.
"""

from uuid import UUID

from psycopg.rows import class_row

from shared.errors import HeadgateError, NotFound
from shared.ledger.housekeeping import COLUMNS, Standing
from shared.ledger.states import State
from shared.stores.postgres import Connection

#: Seconds between a job's end and its new beginning: a thousand times what a release takes after the commit.
REST = 3.0

#: Endings that another run may put right.
AGAIN = (State.DEAD, State.DISCARDED)

WAIT_AGAIN = f"""
UPDATE tenant.jobs SET state = 'waiting', failures = 0, error = NULL, due_at = NULL, offered_at = NULL,
       finished_at = NULL
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state = ANY(%(from)s)
  AND finished_at < now() - %(rest)s * interval '1 second'
RETURNING {COLUMNS}
"""

STANDS = """
SELECT state, finished_at >= now() - %(rest)s * interval '1 second' AS fresh FROM tenant.jobs
WHERE tenant_id = %(tenant)s AND job_id = %(job)s
"""


class NotAgain(HeadgateError):  # noqa: N818 - it says what may not be
    """The job is not in a state from which it can wait again."""


class JustEnded(NotAgain):
    """The job ended within the last `REST` seconds."""


def wait_again(connection: Connection, tenant: str, job: UUID) -> Standing:
    """Let the job wait; what this answers must be offered after the commit."""
    asked = {"tenant": tenant, "job": job, "from": [state.value for state in AGAIN], "rest": REST}
    with connection.cursor(row_factory=class_row(Standing)) as cursor:
        waits = cursor.execute(WAIT_AGAIN, asked).fetchone()
    if waits is None:
        raise _refusal(connection, asked)
    return waits


def _refusal(connection: Connection, asked: dict[str, object]) -> HeadgateError:
    """Why the job does not move."""
    row = connection.execute(STANDS, asked).fetchone()
    if row is None:
        return NotFound(f"tenant {asked['tenant']!r} has no job {asked['job']}")
    if row["state"] not in AGAIN:
        return NotAgain(f"job {asked['job']} is {row['state']}: only jobs that are {' or '.join(AGAIN)} wait again")
    return JustEnded(f"job {asked['job']} ended a moment ago: try again in {REST:g} s")

"""A job that ended badly is retried, by hand: it waits again, its failures forgotten, its finished steps kept.

The row moves only from a state of that kind, and `fence` stays: whoever still holds an old token writes to a running
job or to none, and the next start raises the fence. The worker that ended the job may not have told the gate yet; the
gate then keeps in mind that the job it believes leased was offered anew, and lets it wait when it hears of that end.

The job keeps its place in the order of acceptance: of its ordering key it is the next to run.
"""

from uuid import UUID

from psycopg.rows import class_row

from shared.errors import HeadgateError
from shared.ledger.housekeeping import COLUMNS, Standing
from shared.ledger.reading import no_such_job
from shared.ledger.states import State
from shared.stores.postgres import Connection

#: Endings that another run may put right.
RETRIED = (State.DEAD, State.DISCARDED)

RETRY = f"""
UPDATE tenant.jobs SET state = 'waiting', failures = 0, deaths = 0, error = NULL, due_at = NULL,
       offered_at = NULL, finished_at = NULL, cancel_requested_at = NULL
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state = ANY(%(from)s)
RETURNING {COLUMNS}
"""

STATE = "SELECT state FROM tenant.jobs WHERE tenant_id = %(tenant)s AND job_id = %(job)s"


class NotRetried(HeadgateError):  # noqa: N818 - it says what did not happen
    """The job is not in a state from which it can be retried."""


def retry(connection: Connection, tenant: str, job: UUID) -> Standing:
    """Let the job wait; what this answers must be offered after the commit."""
    asked = {"tenant": tenant, "job": job, "from": [state.value for state in RETRIED]}
    with connection.cursor(row_factory=class_row(Standing)) as cursor:
        waits = cursor.execute(RETRY, asked).fetchone()
    if waits is None:
        raise _refusal(connection, tenant, job)
    return waits


def _refusal(connection: Connection, tenant: str, job: UUID) -> HeadgateError:
    """Why the job does not move."""
    row = connection.execute(STATE, {"tenant": tenant, "job": job}).fetchone()
    if row is None:
        return no_such_job(tenant, job)
    return NotRetried(f"job {job} is {row['state']}: only jobs that are {' or '.join(RETRIED)} can be retried")

"""Ending a job on request.

One that waits is over at once: it is cancelled here, with its answer to whoever asked for it. One that runs is marked,
and ends at its worker's next step; what it has drawn until then is metered. Should the run end in another way first,
that mark is seen there: a finished job stays finished, one that would wait for another run is cancelled instead
(`ends.wait_again`), and one whose run died is cancelled by the worker that starts it next (`Run.cancelled`).

The gate is told after the commit. If it is not, nothing is lost: the ledger sweep tells it again, a rebuild reads the
marks, and a cancelled job that is handed out does not start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from shared import outbox
from shared.contracts.answers import FinishedData
from shared.contracts.events import TurnFinished
from shared.errors import HeadgateError
from shared.ledger.reading import no_such_job
from shared.ledger.states import State
from shared.outbox import Message
from shared.stores.postgres import Connection
from shared.streams import ends as streams

CANCEL = f"""
UPDATE tenant.jobs SET cancel_requested_at = coalesce(cancel_requested_at, now()),
       state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
       finished_at = CASE state WHEN 'waiting' THEN now() END
WHERE tenant_id = %s AND job_id = %s AND state IN ('waiting', 'running')
RETURNING tenant_id AS tenant, job_id AS job, run AS number, state, event_id, reply_to, error, principal,
          {streams.STREAMED} AS streams
"""

STATE = "SELECT state FROM tenant.jobs WHERE tenant_id = %s AND job_id = %s"


class NotCancelled(HeadgateError):  # noqa: N818 - it says what was not done
    """The job is over already."""


@dataclass(frozen=True)
class Marked:
    """A job that is to end, or has ended: `state` is running or cancelled. `number`: of its last run.

    `streams`: its asker wanted to hear of it on a stream.
    """

    tenant: str
    job: UUID
    number: int
    state: str
    event_id: str
    reply_to: str | None
    error: str | None
    principal: str
    streams: bool | None


def cancel(connection: Connection, tenant: str, job: UUID) -> Marked:
    """Ask for a job's end; the gate must be told after the commit."""
    with connection.cursor(row_factory=class_row(Marked)) as cursor:
        marked = cursor.execute(CANCEL, (tenant, job)).fetchone()
    if marked is None:
        raise _refusal(connection, tenant, job)
    if marked.state == State.CANCELLED:
        for message in _told(marked):
            outbox.write(connection, tenant, message)
    return marked


def _told(over: Marked) -> Iterator[Message]:
    """What tells its asker of the end, as no worker will."""
    data = FinishedData(job=over.job, state="cancelled", error=over.error)
    if (reply := outbox.finished(over, data)) is not None:
        yield reply
    if over.streams:
        yield streams.message(
            over.principal, over.job, TurnFinished(run=over.number, state=data.state, error=data.error)
        )


def _refusal(connection: Connection, tenant: str, job: UUID) -> HeadgateError:
    """Why the job is not cancelled."""
    row = connection.execute(STATE, (tenant, job)).fetchone()
    if row is None:
        return no_such_job(tenant, job)
    return NotCancelled(f"job {job} is {row['state']} already: only a job that waits or runs can be cancelled")

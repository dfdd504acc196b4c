"""The ways a run ends: it ends its job, or lets it wait for another run. Each is one transaction, each is fenced."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from shared.gate.values import Lease
from shared.ledger.runs import fenced, place
from shared.ledger.states import State
from shared.stores.postgres import Connection

#: Only what this run's own job has open: it says nothing where another run has the job by now.
LOSE_OPEN_INTENTS = """
UPDATE tenant.steps SET state = 'unknown', ended_at = now(), error = 'the run ended before the answer was known'
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state = 'intent' AND EXISTS (
    SELECT FROM tenant.jobs WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s)
"""

FINISH = """
UPDATE tenant.jobs SET state = %(state)s, result = %(result)s, error = %(error)s, finished_at = now(),
       failures = failures + %(failed)s
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
RETURNING state
"""

#: A job that somebody asked to cancel does not wait for another run.
WAIT_AGAIN = """
UPDATE tenant.jobs SET state = 'waiting', error = %(error)s, failures = failures + %(failed)s,
       due_at = CASE WHEN %(after)s > 0 THEN now() + %(after)s * interval '1 second' END
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
  AND cancel_requested_at IS NULL
RETURNING state
"""


@dataclass(frozen=True)
class Written:
    """A fenced write, perhaps still under way in a pipeline."""

    cursor: Cursor[DictRow]
    lease: Lease

    @cached_property
    def made(self) -> bool:
        """Whether it was; within the pipeline this waits."""
        return self.cursor.fetchone() is not None

    def check(self) -> None:
        """Raises `Fenced` where it was refused."""
        if not self.made:
            raise fenced(self.lease)


def finish(
    connection: Connection,
    lease: Lease,
    state: State,
    *,
    result: dict[str, Any] | None,
    error: str | None,
    failed: bool,
) -> Written:
    """End the job; what else the run has to say is written in the same transaction."""
    values = {"state": state.value, "result": Jsonb(result) if result is not None else None, "error": error}
    return Written(connection.execute(FINISH, place(lease) | values | {"failed": int(failed)}), lease)


def wait_again(connection: Connection, lease: Lease, *, after: float, error: str | None, failed: bool) -> Written:
    """Let the job wait for another run, `after` seconds: after a failure, for a while, or because its worker stops.

    Refused, too, where somebody asked to cancel it: then it must be finished.
    """
    values = {"after": after, "error": error, "failed": int(failed)}
    return Written(connection.execute(WAIT_AGAIN, place(lease) | values), lease)


def lose_open_intents(connection: Connection, lease: Lease) -> None:
    """What a run left open when it ended stays on record, as drawn at worst."""
    connection.execute(LOSE_OPEN_INTENTS, place(lease))

"""The ways a run ends: it ends its job, or lets it wait for another run. Each is fenced."""

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.gate.values import Lease
from shared.ledger.runs import fencing, place
from shared.ledger.states import State
from shared.outbox import Message
from shared.stores.postgres import Connection

#: The database undoes the transaction that this stands in where the fence is lost.
FINISH = """
SELECT tenant.finish_run(%(tenant)s, %(job)s, %(token)s, %(state)s, %(result)s, %(error)s, %(failed)s, %(paid)s,
                         %(message)s, %(destination)s, %(body)s)
"""

#: A job that somebody asked to cancel does not wait for another run.
WAIT_AGAIN = """
UPDATE tenant.jobs SET state = 'waiting', error = %(error)s, failures = failures + %(failed)s,
       due_at = CASE WHEN %(after)s > 0 THEN now() + %(after)s * interval '1 second' END
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
  AND cancel_requested_at IS NULL
"""

LOSE_OPEN_INTENTS = "SELECT tenant.lose_open_intents(%(tenant)s, %(job)s)"


@dataclass(frozen=True)
class Finish:
    """How a job ends.

    `failed`: it counts as a failure. `paid`: the run made paid steps, and may have left one open. `message`: tells
    whoever asked for the job.
    """

    state: State
    result: dict[str, Any] | None = None
    error: str | None = None
    failed: bool = False
    paid: bool = True
    message: Message | None = None


def finish(connection: Connection, lease: Lease, end: Finish) -> None:
    """End the job, and let its asker know; binds the tenant. One statement: it may be a transaction by itself."""
    told = end.message
    values = {
        "state": end.state.value,
        "result": Jsonb(end.result) if end.result is not None else None,
        "error": end.error,
        "failed": int(end.failed),
        "paid": end.paid,
        "message": told.message_id if told else None,
        "destination": told.destination if told else None,
        "body": Jsonb(told.body) if told else None,
    }
    with fencing(lease):
        connection.execute(FINISH, place(lease) | values)


def wait_again(connection: Connection, lease: Lease, *, after: float, error: str | None, failed: bool) -> bool:
    """Let the job wait for another run, `after` seconds: after a failure, for a while, or because its worker stops.

    False where the job is another run's by now, or where somebody asked to cancel it: then it must be finished.
    """
    values = {"after": after, "error": error, "failed": int(failed)}
    if connection.execute(WAIT_AGAIN, place(lease) | values).rowcount != 1:
        return False
    connection.execute(LOSE_OPEN_INTENTS, place(lease))
    return True

"""The run boundary: start, and the four ways a run ends. Each is one transaction, each is fenced.

A run writes only while the job's `fence` is its own token. *Start* raises the fence, so everything that an earlier run
still tries to write is refused from then on. The token's epoch must be the database's: a rebuild, which takes the
epoch's lock exclusively, makes every lease that was claimed before it and not yet started worthless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.errors import HeadgateError
from shared.gate.values import Lease
from shared.ledger.states import FINAL, State
from shared.stores.postgres import Connection, Database

#: Guards the epoch: starts share it, a rebuild raises it alone. Any number that nobody else uses.
EPOCH_LOCK = 4_849_415_402

SHARE_EPOCH = f"SELECT pg_advisory_xact_lock_shared({EPOCH_LOCK})"

#: A job found running had a run that never ended: that run failed, and is counted here.
START = """
UPDATE tenant.jobs SET state = 'running', fence = %(token)s, run = run + 1,
       failures = failures + (state = 'running')::int,
       started_at = coalesce(started_at, now()), offered_at = coalesce(offered_at, now())
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state IN ('waiting', 'running') AND fence < %(token)s
  AND (SELECT epoch FROM tenant.epoch) = %(epoch)s
RETURNING kind, payload, run, failures, reply_to, source, event_id, principal, accepted_at,
          started_at - accepted_at AS waited
"""

STATE = "SELECT state FROM tenant.jobs WHERE tenant_id = %s AND job_id = %s"

LOSE_OPEN_INTENTS = """
UPDATE tenant.steps SET state = 'unknown', ended_at = now(), error = 'the run ended before the answer was known'
WHERE tenant_id = %s AND job_id = %s AND state = 'intent'
"""

HOLD = """
SELECT FROM tenant.jobs WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
FOR UPDATE
"""

FINISH = """
UPDATE tenant.jobs SET state = %(state)s, result = %(result)s, error = %(error)s, finished_at = now(),
       failures = failures + %(failed)s
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
"""

WAIT_AGAIN = """
UPDATE tenant.jobs SET state = 'waiting', error = %(error)s, failures = failures + %(failed)s,
       due_at = CASE WHEN %(after)s > 0 THEN now() + %(after)s * interval '1 second' END
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
"""


class Fenced(HeadgateError):  # noqa: N818 - it names what happened to the run
    """Another run has this job now: what this one wanted to write was refused."""


class AlreadyFinal(HeadgateError):  # noqa: N818 - as above
    """The job ended before this run could start; there is nothing left to do but to release it."""


@dataclass(frozen=True)
class Run:
    """One start of a job, as its worker knows it. `waited` is in seconds, from accepted to the first start."""

    lease: Lease
    kind: str
    payload: dict[str, Any]
    number: int
    failures: int
    reply_to: str | None
    source: str
    event_id: str
    principal: str
    accepted_at: datetime
    waited: float

    @property
    def tenant(self) -> str:
        return self.lease.tenant

    @property
    def job(self) -> UUID:
        return self.lease.job


#: Writes the effects of a run in the transaction that ends it.
Effects = Callable[[Connection], None]


def start(database: Database, lease: Lease) -> Run:
    """Raise the job's fence to this lease's token. Raises `AlreadyFinal`, or `Fenced` where the lease is too old."""
    place = _place(lease)
    with database.transaction(lease.tenant, pipelined=True) as connection:
        connection.execute(SHARE_EPOCH)
        row = connection.execute(START, place | {"epoch": lease.epoch}).fetchone()
        if row is not None:
            if row["run"] > 1:
                lose_open_intents(connection, lease)
            waited = row.pop("waited").total_seconds()
            return Run(lease=lease, number=row.pop("run"), waited=waited, **row)
    if is_over(database, lease):
        raise AlreadyFinal(f"job {lease.job} is over")
    raise Fenced(f"job {lease.job} is held under a newer token")


def lose_open_intents(connection: Connection, lease: Lease) -> None:
    """What a run left open when it ended stays on record, as drawn at worst."""
    connection.execute(LOSE_OPEN_INTENTS, (lease.tenant, lease.job))


def hold(connection: Connection, lease: Lease) -> None:
    """Lock the job's row on its fence, so that what follows in this transaction is written by its only holder."""
    if connection.execute(HOLD, _place(lease)).rowcount != 1:
        raise Fenced(f"job {lease.job} is held under a newer token")


def is_over(database: Database, lease: Lease) -> bool:
    """Whether the job has ended, or is gone."""
    with database.transaction(lease.tenant) as connection:
        found = connection.execute(STATE, (lease.tenant, lease.job)).fetchone()
    return found is None or found["state"] in FINAL


def finish(
    connection: Connection,
    lease: Lease,
    state: State,
    *,
    result: dict[str, Any] | None,
    error: str | None,
    failed: bool,
) -> None:
    """End the job; what else the run has to say is written in the same transaction."""
    values = {"state": state.value, "result": Jsonb(result) if result is not None else None, "error": error}
    _fenced(connection, FINISH, lease, values | {"failed": int(failed)})


def wait_again(connection: Connection, lease: Lease, *, after: float, error: str | None, failed: bool) -> None:
    """Let the job wait for another run, `after` seconds: after a failure, for a while, or because its worker stops."""
    _fenced(connection, WAIT_AGAIN, lease, {"after": after, "error": error, "failed": int(failed)})


def _fenced(connection: Connection, statement: Any, lease: Lease, values: dict[str, Any]) -> None:
    if connection.execute(statement, _place(lease) | values).rowcount != 1:
        raise Fenced(f"job {lease.job} is held under a newer token")


def _place(lease: Lease) -> dict[str, Any]:
    return {"tenant": lease.tenant, "job": lease.job, "token": lease.token}

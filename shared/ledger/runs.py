"""The run boundary: who may start a job, and under which fence a run writes. How runs end stands in `ends`.

A run writes only while the job's `fence` is its own token. *Start* raises the fence, so everything that an earlier run
still tries to write is refused from then on. The token's epoch must be the database's: a rebuild, which takes the
epoch's lock exclusively, makes every lease that was claimed before it and not yet started worthless.

Of jobs with one ordering key, one runs at a time, and the earliest first. The gate sees to that, too, but it may learn
of an earlier job late or have forgotten one that runs; *start* refuses what it hands out too early, and of two that
start at the same moment the unique index `jobs_one_of_a_key_runs_idx` lets one through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from shared.errors import HeadgateError
from shared.gate.values import Lease
from shared.ledger.states import FINAL
from shared.stores.postgres import Connection, Database

#: Guards the epoch: starts share it, a rebuild raises it alone. Any number that nobody else uses.
EPOCH_LOCK = 4_849_415_402

#: The commit of a start does not wait for the disk. The log is written in order, so it is there no later than what the
#: run commits next, and only after such a commit is a paid call made or the gate told of an end. A crash of Postgres
#: that loses a start loses a run that had done nothing but what a dying run may leave behind; its worker is fenced.
SHARE_EPOCH = f"""
SELECT set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock_shared({EPOCH_LOCK})
"""

#: A job found running had a run that never ended: that run failed, and is counted here; what it left open is unknown.
START = """
WITH started AS (
    UPDATE tenant.jobs SET state = 'running', fence = %(token)s, run = run + 1,
           failures = failures + (state = 'running')::int,
           started_at = coalesce(started_at, now()), offered_at = coalesce(offered_at, now())
    WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND state IN ('waiting', 'running') AND fence < %(token)s
      AND (SELECT epoch FROM tenant.epoch) = %(epoch)s
      AND (ordering_key IS NULL OR NOT EXISTS (
          SELECT FROM tenant.jobs other
          WHERE other.tenant_id = %(tenant)s AND other.ordering_key = jobs.ordering_key AND other.job_id <> jobs.job_id
            AND other.state IN ('waiting', 'running') AND (other.seq < jobs.seq OR other.state = 'running')))
    RETURNING kind, payload, run AS number, failures, cancel_requested_at IS NOT NULL AS cancelled, reply_to, source,
              event_id, principal, accepted_at, extract(epoch FROM started_at - accepted_at)::float8 AS waited
), lost AS (
    UPDATE tenant.steps SET state = 'unknown', ended_at = now(), error = 'the run ended before the answer was known'
    FROM started
    WHERE started.number > 1 AND tenant_id = %(tenant)s AND job_id = %(job)s AND steps.state = 'intent'
)
SELECT * FROM started
"""

STANDS = """
SELECT state, fence < %(token)s AND (SELECT epoch FROM tenant.epoch) = %(epoch)s AS newest FROM tenant.jobs
WHERE tenant_id = %(tenant)s AND job_id = %(job)s
"""

HOLD = """
SELECT FROM tenant.jobs WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND fence = %(token)s AND state = 'running'
FOR UPDATE
"""


class Fenced(HeadgateError):  # noqa: N818 - it names what happened to the run
    """Another run has this job now: what this one wanted to write was refused."""


class AlreadyFinal(HeadgateError):  # noqa: N818 - as above
    """The job ended before this run could start; there is nothing left to do but to release it."""


class NotItsTurn(HeadgateError):  # noqa: N818 - as above
    """Another job of its ordering key runs, or was accepted before it and is not over."""


@dataclass(frozen=True)
class Run:
    """One start of a job, as its worker knows it. `waited` is in seconds, from accepted to the first start.

    `cancelled`: an earlier run did not live to hear that the job is to end.
    """

    lease: Lease
    kind: str
    payload: dict[str, Any]
    number: int
    failures: int
    cancelled: bool
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


#: Writes the effects of a run in the transaction that ends it. Where that is a pipeline, `fetchone` waits for an answer
#: and `rowcount` is not known yet.
Effects = Callable[[Connection], None]


def start(database: Database, lease: Lease) -> Run:
    """Raise the job's fence to this lease's token.

    Raises `AlreadyFinal`, `NotItsTurn`, or `Fenced` where the lease is too old.
    """
    try:
        with database.transaction(lease.tenant, pipelined=True) as connection:
            connection.execute(SHARE_EPOCH)
            started = connection.execute(START, place(lease))
    except UniqueViolation as error:
        raise _not_its_turn(lease) from error
    row = started.fetchone()
    if row is None:
        raise _refusal(database, lease)
    return Run(lease=lease, **row)


def hold(connection: Connection, lease: Lease) -> None:
    """Lock the job's row on its fence, so that what follows in this transaction is written by its only holder."""
    if connection.execute(HOLD, place(lease)).rowcount != 1:
        raise fenced(lease)


def is_over(database: Database, lease: Lease) -> bool:
    """Whether the job has ended, or is gone."""
    return isinstance(_refusal(database, lease), AlreadyFinal)


def _refusal(database: Database, lease: Lease) -> HeadgateError:
    """Why the job does not start under this lease."""
    with database.transaction(lease.tenant) as connection:
        found = connection.execute(STANDS, place(lease)).fetchone()
    if found is None or found["state"] in FINAL:
        return AlreadyFinal(f"job {lease.job} is over")
    return _not_its_turn(lease) if found["newest"] else fenced(lease)


def _not_its_turn(lease: Lease) -> NotItsTurn:
    return NotItsTurn(f"job {lease.job} waits for another one of its ordering key")


def fenced(lease: Lease) -> Fenced:
    return Fenced(f"job {lease.job} is held under a newer token")


def place(lease: Lease) -> dict[str, Any]:
    """What statements about a leased job ask for."""
    return {"tenant": lease.tenant, "job": lease.job, "token": lease.token, "epoch": lease.epoch}

"""The run boundary: who may start a job, and under which fence a run writes. How runs end stands in `ends`.

A run writes only while the job's `fence` is its own token. *Start* raises the fence, so everything that an earlier run
still tries to write is refused from then on. The token's epoch must be the database's: a rebuild, which takes the
epoch's lock exclusively, makes every lease that was claimed before it and not yet started worthless.

Of jobs with one ordering key, one runs at a time, and the earliest first. The gate sees to that, too, but it may learn
of an earlier job late or have forgotten one that runs; *start* refuses what it hands out too early, and of two that
start at the same moment the unique index `jobs_one_of_a_key_runs_idx` lets one through.

The statements are functions of the database (migration 0005), which bind their tenant by themselves: a start is one
round trip, and a transaction that begins with *hold* is undone by the database where the fence is lost, so that nobody
need wait for its answer before sending the rest.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import UniqueViolation

from shared.errors import HeadgateError
from shared.gate.values import Lease
from shared.ledger.states import FINAL
from shared.stores.postgres import Connection, Database

#: Guards the epoch: starts share it, a rebuild raises it alone. Any number that nobody else uses.
EPOCH_LOCK = 4_849_415_402

#: SQLSTATE under which the database refuses what a run writes that does not hold its job any more. Of a class that no
#: standard and no driver knows: psycopg would take HG001, say, for a server that is away.
FENCED = "RUN01"

#: A job found running had a run that never ended: that run failed, and is counted; what it left open is unknown.
#:
#: The commit of a start does not wait for the disk. The log is written in order, so it is there no later than what the
#: run commits next, and only after such a commit is a paid call made or the gate told of an end. A crash of Postgres
#: that loses a start loses a run that had done nothing but what a dying run may leave behind; its worker is fenced.
START = "SELECT * FROM tenant.start_run(%(tenant)s, %(job)s, %(token)s, %(epoch)s)"

STANDS = """
SELECT state, fence < %(token)s AND (SELECT epoch FROM tenant.epoch) = %(epoch)s AS newest FROM tenant.jobs
WHERE tenant_id = %(tenant)s AND job_id = %(job)s
"""

HOLD = "SELECT tenant.hold_run(%(tenant)s, %(job)s, %(token)s)"


class Fenced(HeadgateError):  # noqa: N818 - it names what happened to the run
    """Another run has this job now: what this one wanted to write was refused."""


class AlreadyFinal(HeadgateError):  # noqa: N818 - as above
    """The job ended before this run could start; there is nothing left to do but to release it."""


class NotItsTurn(HeadgateError):  # noqa: N818 - as above
    """Another job of its ordering key runs, or was accepted before it and is not over."""


@dataclass(frozen=True)
class Run:
    """One start of a job, as its worker knows it. `waited` is in seconds, from accepted to the first start.

    `deaths`: runs that never ended; each is a failure, too. `cancelled`: one of them did not live to hear that the job
    is to end.
    """

    lease: Lease
    kind: str
    payload: dict[str, Any]
    number: int
    failures: int
    deaths: int
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
        with database.connection() as connection:
            row = connection.execute(START, place(lease)).fetchone()
    except UniqueViolation as error:
        raise _not_its_turn(lease) from error
    if row is None:
        raise _refusal(database, lease)
    return Run(lease=lease, **row)


def hold(connection: Connection, lease: Lease) -> None:
    """Lock the job's row on its fence, so that what follows in this transaction is written by its only holder."""
    with fencing(lease):
        connection.execute(HOLD, place(lease))


@contextmanager
def fenced_transaction(database: Database, lease: Lease) -> Iterator[Connection]:
    """A transaction that is committed only if the run holds its job; sent in a pipeline. Raises `Fenced` at the end."""
    with fencing(lease), database.transaction(pipelined=True) as connection:
        connection.execute(HOLD, place(lease))
        yield connection


@contextmanager
def fencing(lease: Lease) -> Iterator[None]:
    """Where the database says that the fence is lost, `Fenced`."""
    try:
        yield
    except psycopg.DatabaseError as error:
        if error.sqlstate != FENCED:
            raise
        raise Fenced(f"job {lease.job} is held under a newer token") from error


def is_over(database: Database, lease: Lease) -> bool:
    """Whether the job has ended, or is gone."""
    return isinstance(_refusal(database, lease), AlreadyFinal)


def _refusal(database: Database, lease: Lease) -> HeadgateError:
    """Why the job does not start under this lease."""
    with database.transaction(lease.tenant) as connection:
        found = connection.execute(STANDS, place(lease)).fetchone()
    if found is None or found["state"] in FINAL:
        return AlreadyFinal(f"job {lease.job} is over")
    return _not_its_turn(lease) if found["newest"] else Fenced(f"job {lease.job} is held under a newer token")


def _not_its_turn(lease: Lease) -> NotItsTurn:
    return NotItsTurn(f"job {lease.job} waits for another one of its ordering key")


def place(lease: Lease) -> dict[str, Any]:
    """What statements about a leased job ask for."""
    return {"tenant": lease.tenant, "job": lease.job, "token": lease.token, "epoch": lease.epoch}

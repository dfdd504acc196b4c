"""The cli door: what an operator asks for goes the way of every job, through acceptance, on an operator's authority.

Who may reach the servers' addresses may act for every tenant; the ledger says of such jobs that the operator asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any
from uuid import UUID

import orjson

from producers.accept import Acceptance
from producers.cli.progress import Tell
from producers.cli.waiting import why
from shared import ids
from shared.cell import Cell
from shared.clock import monotonic
from shared.contracts.answers import Accepted
from shared.contracts.envelope import TYPE_PREFIX
from shared.contracts.kinds import Scope
from shared.errors import HeadgateError
from shared.ledger import reading
from shared.ledger.reading import Ended
from shared.tenancy import provision
from shared.tenancy.access import Principal

OPERATOR = Principal(provision.OPERATOR, None, frozenset({"*"}), frozenset(Scope))

#: Seconds between two looks at the ledger while jobs are waited for: well below what a person notices.
LOOK = 0.2

#: Seconds after which it is said, once, what a job is still waited for.
SILENCE = 10.0


class Refused(HeadgateError):  # noqa: N818 - named as the door's answer is
    """The door turned the job away."""


class NotEnded(HeadgateError):  # noqa: N818 - it names what was found
    """A job that was waited for is not over in time."""


@dataclass(frozen=True)
class Job:
    """What is asked for: a payload of a kind, for a tenant or, with a platform kind, about `tenants`."""

    kind: str
    data: Mapping[str, Any]
    tenant: str | None = None
    tenants: Sequence[str] | None = None

    def event(self) -> bytes:
        event = {
            "specversion": "1.0",
            "id": str(ids.new()),
            "source": "/cli",
            "type": f"{TYPE_PREFIX}{self.kind}",
            "data": self.data,
        }
        about = {"tenantid": self.tenant, "tenantids": self.tenants}
        return orjson.dumps(event | {name: value for name, value in about.items() if value is not None})


def submit(cell: Cell, job: Job) -> UUID:
    """The id of the accepted job; `Refused` says why there is none."""
    (verdict,) = Acceptance(cell, "cli").accept([job.event()], principal=OPERATOR)
    if not isinstance(verdict.answer, Accepted):
        raise Refused(f"refused ({verdict.answer.data.reason.value}): {verdict.answer.data.message}")
    return verdict.answer.data.job


def wait(cell: Cell, tenant: str, jobs: Sequence[UUID], *, seconds: float, tell: Tell) -> dict[UUID, Ended]:
    """How these jobs of a tenant ended. `tell` hears how many are over; `NotEnded` after so many seconds."""
    over: dict[UUID, Ended] = {}
    until, silent_until = monotonic() + seconds, monotonic() + SILENCE
    while True:
        left = [job for job in jobs if job not in over]
        with cell.database.transaction(tenant) as connection:
            over |= {ended.job_id: ended for ended in reading.ended(connection, tenant, left)}
        tell(len(over))
        if len(over) == len(set(jobs)):
            return over
        first = next(job for job in left if job not in over)
        if monotonic() >= until:
            late = f"job {first} is not over after {seconds:g} s; {_meanwhile(cell, tenant, first)}"
            raise NotEnded(f"{late}; see `headgate jobs show {first}`")
        if monotonic() >= silent_until:
            silent_until = until
            tell(len(over), f"job {first} is not over yet; {_meanwhile(cell, tenant, first)}")
        sleep(LOOK)


def _meanwhile(cell: Cell, tenant: str, job: UUID) -> str:
    """What a job does that is waited for."""
    with cell.database.transaction(tenant) as connection:
        found, _ = reading.find(connection, tenant, job)
    waits = why(cell, found)
    return f"it waits: {waits.reason}" if waits else f"it is {found.state}"

"""A door and a sender in the test's own process: what a service does, by hand."""

from typing import Any

import orjson

from producers.accept import Acceptance, Verdict
from shared import ids
from shared.cell import Cell
from shared.contracts.answers import Accepted
from shared.ledger.states import FINAL
from tests.support.workers import eventually


def event(kind: str, data: dict[str, Any], key: str, **attributes: Any) -> bytes:
    """A message that asks for a job."""
    envelope = {
        "specversion": "1.0",
        "id": str(ids.new()),
        "source": "/tests",
        "type": f"headgate.job.{kind}",
        "authorization": key,
        "data": data,
    }
    return orjson.dumps(envelope | attributes)


def accept(cell: Cell, *bodies: bytes, door: str = "bus") -> list[Verdict]:
    return Acceptance(cell, door).accept(bodies)


def submit(cell: Cell, kind: str, data: dict[str, Any], key: str, **attributes: Any) -> str:
    """The id of an accepted job."""
    (verdict,) = accept(cell, event(kind, data, key, **attributes))
    assert isinstance(verdict.answer, Accepted), verdict.answer
    return str(verdict.answer.data.job)


def job(cell: Cell, tenant: str, job_id: str) -> dict[str, Any]:
    """A job's row in the ledger."""
    with cell.database.transaction(tenant) as connection:
        row = connection.execute("SELECT * FROM tenant.jobs WHERE job_id = %s", (job_id,)).fetchone()
    assert row is not None, f"no job {job_id} for {tenant}"
    return row


def finished(cell: Cell, tenant: str, job_id: str) -> dict[str, Any]:
    """The job's row once it is in a final state."""

    def over() -> dict[str, Any] | None:
        row = job(cell, tenant, job_id)
        return row if row["state"] in FINAL else None

    return eventually(over, f"job {job_id} is over") or {}

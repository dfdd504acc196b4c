"""Every end of a job is told once: also the second end, of a job that was made to wait again by hand."""

from dataclasses import replace

from shared import clock, ids, outbox
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.gate.values import Lease
from shared.ledger.runs import Run
from tests.support.cells import make_tenant


def test_each_end_of_a_job_leaves_once_whatever_is_repeated(cell: Cell) -> None:
    make_tenant(cell, "acme")
    first = run(number=1)
    ends = [(first, "dead"), (first, "dead"), (replace(first, number=2), "done")]
    with cell.database.transaction("acme") as connection:
        for ended, state in ends:
            outbox.finished(connection, ended, FinishedData.model_validate({"job": ended.job, "state": state}))
        rows = connection.execute("SELECT body FROM tenant.outbox").fetchall()
    told = {row["body"]["id"]: row["body"]["data"]["state"] for row in rows}
    assert sorted(told.values()) == ["dead", "done"]


def run(*, number: int) -> Run:
    return Run(
        lease=Lease(ids.new(), "acme", "ops.pro", 1),
        kind="ops.probe",
        payload={},
        number=number,
        failures=0,
        reply_to="headgate.replies.acme.main",
        source="/tests",
        event_id="m-1",
        principal="acme",
        accepted_at=clock.now(),
        waited=0.0,
    )

"""A worker that is cut off from the gate in the middle of a call: it stops in time, and another does the job."""

import time

from shared.cell import Cell
from shared.gate.keys import prefix
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.log import Status
from tests.support.cells import make_tenant
from tests.support.proxy import proxy
from tests.support.spending import journaled
from tests.support.walking import finished, submit
from tests.support.workers import PATIENCE, eventually, workers

LANES = ["turns.pro", "ops.pro"]

TURN = {"conversation": "c-1", "message": "What is a lock?"}


def lease_over_at(cell: Cell, job: str) -> float:
    """When the gate may give the job to another, in seconds since 1970 by its own clock."""
    (leases,) = cell.redis.scan_iter(f"{prefix(cell.settings.cell)}*:leases")
    milliseconds = cell.redis.zscore(leases, job)
    assert milliseconds is not None, "the job is leased"
    return float(milliseconds) / 1000


def abandoned_at(model: Rehearsal) -> float:
    """When the model has seen that the client of its only call is gone."""
    eventually(lambda: [call.status for call in model.served()] == [Status.ABANDONED], "the model is left")
    return time.time()


def test_a_worker_cut_off_from_the_gate_ends_its_call_before_another_may_have_the_job(
    speaking_cell: Cell, model: Rehearsal
) -> None:
    cell = speaking_cell
    key = make_tenant(cell, "acme").secret
    model.settings(latency=10 * PATIENCE)
    with proxy(cell.settings.redis_url or "") as way:
        far = Cell(cell.settings.model_copy(update={"redis_url": way.instead(cell.settings.redis_url or "")}))
        with workers(far, LANES):
            turn = submit(cell, "agent.turn", TURN, key)
            eventually(model.served, "the worker is in its call")
            with workers(cell, LANES), way.away():
                over_at = lease_over_at(cell, turn)
                assert abandoned_at(model) < over_at
                model.settings(latency=0)
                row = finished(cell, "acme", turn)
        far.close()
    assert (row["state"], row["run"]) == ("done", 2)
    lost, *answered = [step for step in journaled(cell, "acme") if step["model"]]
    assert (lost["state"], lost["run"]) == ("unknown", 1)
    assert {(step["state"], step["run"]) for step in answered} == {("answered", 2)}
    with cell.database.transaction("acme") as connection:
        spoken = "SELECT role FROM tenant.messages WHERE role <> 'tool' AND tool_calls IS NULL ORDER BY position"
        said = connection.execute(spoken).fetchall()
    assert [message["role"] for message in said] == ["user", "assistant"]

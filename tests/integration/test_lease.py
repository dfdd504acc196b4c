"""A process's leases: kept while its runs may go on, and no longer."""

import tempfile
from pathlib import Path

import pytest

from shared.cell import Cell
from shared.clock import monotonic
from shared.contracts.kinds import Family
from shared.embedded import Servers
from shared.gate.values import Lease
from tests.support import cells
from tests.support.cells import LEASE, make_tenant
from tests.support.rebuilding import LANE, claim, submitted
from tests.support.walking import job, submit
from tests.support.workers import eventually, workers
from workers.lease import GRACE, Heartbeat, deadline_of


@pytest.fixture
def lease(cell: Cell) -> Lease:
    make_tenant(cell, "acme")
    submitted(cell, 1)
    found = claim(cell)
    assert found is not None
    return found


@pytest.mark.parametrize(("overdue", "kept"), [(-5.0, True), (1.0, False)])
def test_a_lease_is_renewed_up_to_its_familys_deadline(cell: Cell, lease: Lease, overdue: float, kept: bool) -> None:
    heartbeat = Heartbeat(cell.gate, "w", [LANE], lease_seconds=LEASE, slots=1)
    heartbeat.hold(lease, monotonic() - deadline_of(Family.OPS) - GRACE - overdue)
    heartbeat.renew()
    assert heartbeat.alive(lease) is kept


def test_a_stopping_workers_jobs_keep_their_leases_until_they_end(servers: Servers) -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), stop_seconds=30, lease_seconds=1.5) as cell,
    ):
        key = make_tenant(cell, "acme").secret
        with workers(cell, [LANE], slots=1) as (worker,):
            probe = submit(cell, "ops.probe", {"seconds": 5}, key)
            eventually(lambda: job(cell, "acme", probe)["state"] == "running", "it runs")
            assert worker.stop() == 0
        row = job(cell, "acme", probe)
        assert (row["state"], row["run"], row["failures"]) == ("done", 1, 0)


def test_a_slot_that_is_done_with_a_lost_lease_leaves_the_one_that_has_the_job_now_alone(
    cell: Cell, lease: Lease
) -> None:
    heartbeat = Heartbeat(cell.gate, "w", [LANE], lease_seconds=LEASE, slots=2)
    heartbeat.hold(lease, monotonic())
    cell.gate.renew("w", [lease], 0, slots=2, lanes=[LANE])
    assert cell.gate.sweep("w").fields["expired"] == 1
    anew = claim(cell)
    assert anew is not None
    assert anew.job == lease.job
    heartbeat.hold(anew, monotonic())
    heartbeat.drop(lease)
    assert heartbeat.alive(anew)
    assert heartbeat.held() == [anew]

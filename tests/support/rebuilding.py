"""A cell's jobs before and after its gate has lost its memory. No worker runs: the test claims by itself."""

from typing import Any
from uuid import UUID

from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import runs
from tests.support.cells import LEASE
from tests.support.ledgers import new_job

LANE = "ops.pro"


def submitted(cell: Cell, jobs: int, **chosen: Any) -> list[UUID]:
    made = [new_job(**chosen) for _ in range(jobs)]
    assert all(receipt.fresh for receipt in cell.intake.submit(made))
    return [job.job_id for job in made]


def claim(cell: Cell) -> Lease | None:
    return cell.gate.claim("w", [LANE], LEASE).lease


def claimed(cell: Cell) -> list[UUID]:
    jobs = []
    while lease := claim(cell):
        jobs.append(lease.job)
    return jobs


def started(cell: Cell, number: int) -> list[Lease]:
    """Jobs that run: claimed, and started in the ledger."""
    leases = [lease for lease in (claim(cell) for _ in range(number)) if lease is not None]
    for lease in leases:
        runs.start(cell.database, lease)
    return leases


def rebuild(cell: Cell) -> tuple[int, int]:
    """How many waiting and running jobs a rebuild took in."""
    rebuilt = cell.rebuilder.rebuild()
    assert rebuilt is not None
    assert rebuilt.opened
    return rebuilt.waiting, rebuilt.running

"""The whole way of a job that does nothing: door, ledger, gate, permit, fence, lease, end, and one usage record."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.cell import Cell
from tests.benchmarks.crowd import held_back
from tests.benchmarks.gated import UNHELD
from tests.benchmarks.processes import gate_worker
from tests.benchmarks.stage import Times, finished, per_second, submit
from tests.support.cells import make_tenant
from tests.support.workers import eventually

RECORDS = "SELECT count(*) AS records FROM control.usage_records r WHERE r.tenant_id = %s"


class WholeWay:
    """One tenant, whose worker runs in a process of its own."""

    TENANT = "acme"

    def __init__(self, cell: Cell) -> None:
        self._cell, self._asked = cell, 0
        self._key = make_tenant(cell, self.TENANT, "pro", **UNHELD).secret

    def drain(self, jobs: int) -> float:
        """Jobs per second, from the moment at which a worker may take what is there."""
        with held_back(self._cell, self.TENANT):
            source = self.ask(jobs)
            since = time.time()
        return per_second(self.finished(source), since)

    def end_to_end(self, jobs: int) -> float:
        """Jobs per second, from before the first is accepted; the worker runs meanwhile."""
        since = time.time()
        return per_second(self.finished(self.ask(jobs)), since)

    def ask(self, jobs: int, *, seconds: float = 0.0) -> str:
        """Jobs that hold their slot for so long; answers the source that marks them."""
        self._asked += jobs
        return submit(self._cell, "ops.probe", [{"seconds": seconds}] * jobs, self._key)

    def finished(self, source: str) -> Sequence[Times]:
        """Once each of them is done and on the bill."""
        times = finished(self._cell, self.TENANT, source)
        eventually(lambda: self._billed() == self._asked, "each job has its usage record")
        return times

    def _billed(self) -> int:
        with self._cell.metering.transaction() as connection:
            row = connection.execute(RECORDS, (self.TENANT,)).fetchone()
        return int(row["records"]) if row else 0


@contextmanager
def whole_way(cell: Cell, *, slots: int) -> Iterator[WholeWay]:
    """With its worker."""
    way = WholeWay(cell)
    with gate_worker("tests.benchmarks.metered_worker", cell, "ops.pro", slots=slots):
        yield way

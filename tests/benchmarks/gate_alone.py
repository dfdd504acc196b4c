"""The gate without the ledger: jobs that are offered straight to it and end as they begin."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from shared import ids
from shared.cell import Cell
from shared.gate import keys
from shared.gate.limits import Configuration
from shared.gate.values import Offer
from tests.benchmarks.gated import gated
from tests.benchmarks.processes import gate_worker
from tests.benchmarks.stage import BATCH
from tests.benchmarks.tally import Tallied, per_second

TENANTS = 10


@dataclass
class GateAlone:
    """Ten tenants in a lane of their own, everything that the gate may hold a tenant back by told to it."""

    cell: Cell
    lane: str
    _seq: Iterator[int] = field(default_factory=lambda: count(1))
    _versions: Iterator[int] = field(default_factory=lambda: count(1))

    def drain(self, jobs: int) -> float:
        """Jobs per second, from the moment at which a worker may take what is there."""
        tallied = Tallied(self.cell.settings.redis_url or "")
        tallied.begin()
        shut, opened = self._tenants(is_open=False), self._tenants(is_open=True)
        self._offer(jobs, shut)
        since = time.time()
        for configuration in opened:
            self.cell.permits.publish(self.cell.gate.configure(configuration))
        return per_second(tallied.all(jobs), since)

    def end_to_end(self, jobs: int) -> float:
        """Jobs per second, from before the first is offered; the worker runs meanwhile."""
        tallied, tenants = Tallied(self.cell.settings.redis_url or ""), self._tenants(is_open=True)
        since = tallied.begin()
        self._offer(jobs, tenants)
        return per_second(tallied.all(jobs), since)

    def _offer(self, jobs: int, tenants: Sequence[Configuration]) -> None:
        """In batches, as the bus door does."""
        for first in range(0, jobs, BATCH):
            batch = [self._job(tenants[number % TENANTS]) for number in range(first, min(first + BATCH, jobs))]
            self.cell.permits.publish(self.cell.gate.offer(batch))

    def _job(self, tenant: Configuration) -> Offer:
        return Offer(ids.new(), self.lane, 1.0, keys.score(5, next(self._seq)), 1.0, tenant)

    def _tenants(self, *, is_open: bool) -> list[Configuration]:
        version = next(self._versions)
        return [gated(f"{self.lane[6:]}-{number}", version, is_open=is_open) for number in range(TENANTS)]


def new_lane() -> str:
    """One that nobody else has, and so a queue."""
    return f"turns.bench-{ids.new().hex}"


@contextmanager
def gate_alone(cell: Cell, *, slots: int, lane: str | None = None) -> Iterator[GateAlone]:
    """With its worker."""
    alone = GateAlone(cell, lane or new_lane())
    with gate_worker("tests.benchmarks.gate_worker", cell, alone.lane, slots=slots):
        yield alone

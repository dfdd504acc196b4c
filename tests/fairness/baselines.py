"""What Headgate is measured against: the baselines of the VTC paper, and VTC itself as the paper has it.

The paper's own limit of requests a minute turns requests away; here they wait, as they do at Headgate's quota, so that
all schedulers serve the same requests.
"""

from collections import Counter, deque
from collections.abc import Sequence

from tests.fairness.request import Request
from tests.fairness.scheduler import Queues
from tests.fairness.workload import Workload

#: Starts that a tenant has in any minute under the limit: one of the paper's, near what a tenant of two could have.
PER_MINUTE = 30
MINUTE = 60.0


class FirstCome(Queues):
    """First come, first served: what a plain queue does."""

    def choose(self, tenants: Sequence[str]) -> str | None:
        return self.earliest(tenants)


class PerMinute(Queues):
    """First come, first served, among the tenants that have not yet had their requests of this minute."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self._starts: dict[str, deque[float]] = {tenant: deque() for tenant in workload.tenants}

    def choose(self, tenants: Sequence[str]) -> str | None:
        return self.earliest([tenant for tenant in tenants if self._may_start(tenant)])

    def started(self, request: Request) -> None:
        self._starts[request.tenant].append(self.now)

    def _may_start(self, tenant: str) -> bool:
        starts = self._starts[tenant]
        while starts and starts[0] <= self.now - MINUTE:
            starts.popleft()
        return len(starts) < PER_MINUTE


class RoundRobin(Queues):
    """A request of each tenant in turn: what a queue per tenant does."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self._turns: Counter[str] = Counter()
        self._rounds = 0

    def choose(self, tenants: Sequence[str]) -> str | None:
        return min(tenants, key=lambda tenant: self._turns[tenant])

    def started(self, request: Request) -> None:
        self._rounds += 1
        self._turns[request.tenant] = self._rounds


class LeastCounter(Queues):
    """The tenant that was served least, in tokens over weight, of all time: VTC without its lift."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self._running: dict[Request, float] = {}
        self._settled: dict[str, float] = dict.fromkeys(workload.tenants, 0.0)

    def counters(self) -> dict[str, float]:
        """Input counts when it is admitted, output as it is written: charges are never wrong, and none is early."""
        counters = dict(self._settled)
        for request, since in self._running.items():
            counters[request.tenant] += self._share(request, request.served(self.now - since))
        return counters

    def choose(self, tenants: Sequence[str]) -> str | None:
        return min(tenants, key=self.counters().__getitem__)

    def started(self, request: Request) -> None:
        self._running[request] = self.now

    def ended(self, request: Request) -> None:
        del self._running[request]
        self._settled[request.tenant] += self._share(request, request.cost)

    def _share(self, request: Request, service: float) -> float:
        return service / self.workload.weight(request.tenant)


class VirtualTokenCounter(LeastCounter):
    """VTC (algorithm 2 of the paper, with weights)."""

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        self._last_to_leave = ""

    def offer(self, request: Request) -> None:
        if not self.waiting[request.tenant]:
            self._lift(request.tenant)
        super().offer(request)

    def started(self, request: Request) -> None:
        super().started(request)
        if not self.waiting[request.tenant]:
            self._last_to_leave = request.tenant

    def _lift(self, tenant: str) -> None:
        """To the least counter of those that wait; where none waits, to that of the last whose queue ran empty."""
        counters = self.counters()
        waiting = [counters[other] for other, queue in self.waiting.items() if queue]
        least = min(waiting) if waiting else counters.get(self._last_to_leave, 0.0)
        self._settled[tenant] += max(0.0, least - counters[tenant])

"""A server in virtual time: requests come, wait, run in slots; once a second it is written down who was served what."""

import heapq
from collections import Counter
from enum import IntEnum

from tests.fairness.request import SLOTS, Request
from tests.fairness.scheduler import Scheduler
from tests.fairness.workload import Workload


class What(IntEnum):
    """What happens; of things at one moment, in this order."""

    END = 0
    COME = 1
    TICK = 2


class Trace:
    """What a run came to. Lists have one entry a second, from 0; service is in + 2 x out, and not over weight."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.served: dict[str, list[float]] = {tenant: [] for tenant in workload.tenants}
        self.asked: dict[str, list[float]] = {tenant: [] for tenant in workload.tenants}
        #: Whether the tenant had requests waiting throughout the second that ended here.
        self.backlogged: dict[str, list[bool]] = {tenant: [] for tenant in workload.tenants}
        #: Seconds from coming to starting, of those that started.
        self.waits: dict[str, list[float]] = {tenant: [] for tenant in workload.tenants}
        #: How often a slot asked in vain beside a waiting request.
        self.idle = 0

    @property
    def rate(self) -> float:
        """Service a second, of all tenants."""
        return sum(served[-1] for served in self.served.values()) / self.workload.seconds


class Server:
    """One run of a workload under a scheduler."""

    def __init__(self, workload: Workload, scheduler: Scheduler) -> None:
        self._workload, self._scheduler = workload, scheduler
        self._events: list[tuple[float, What, int, Request | None]] = []
        self._running: dict[Request, float] = {}
        self._waiting: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        #: Tenants that had nothing waiting at some moment since the last tick.
        self._dry: set[str] = set(workload.tenants)
        self._trace = Trace(workload)

    def run(self) -> Trace:
        """Play the workload to its last second; what waits then is left."""
        for request in self._workload.requests:
            heapq.heappush(self._events, (request.at, What.COME, request.number, request))
        for second in range(self._workload.seconds + 1):
            heapq.heappush(self._events, (float(second), What.TICK, second, None))
        while self._events and self._events[0][0] <= self._workload.seconds:
            event = heapq.heappop(self._events)
            self._scheduler.now = event[0]
            self._happen(event[1], event[3])
            self._fill()
        return self._trace

    def _happen(self, what: What, request: Request | None) -> None:
        if request is None:
            self._tick()
        elif what is What.COME:
            self._come(request)
        else:
            self._end(request)

    def _come(self, request: Request) -> None:
        self._waiting[request.tenant] += 1
        self._asked[request.tenant] += request.cost
        self._scheduler.offer(request)

    def _end(self, request: Request) -> None:
        del self._running[request]
        self._done[request.tenant] += request.cost
        self._start(self._scheduler.next(request))

    def _fill(self) -> None:
        """Every free slot asks."""
        while len(self._running) < SLOTS and self._waiting.total():
            request = self._scheduler.claim()
            if request is None:
                self._trace.idle += 1
                return
            self._start(request)

    def _start(self, request: Request | None) -> None:
        if request is None:
            return
        now = self._scheduler.now
        self._running[request] = now
        self._waiting[request.tenant] -= 1
        if not self._waiting[request.tenant]:
            self._dry.add(request.tenant)
        self._trace.waits[request.tenant].append(now - request.at)
        heapq.heappush(self._events, (now + request.seconds, What.END, request.number, request))

    def _tick(self) -> None:
        served: dict[str, float] = {tenant: self._done[tenant] for tenant in self._workload.tenants}
        for request, since in self._running.items():
            served[request.tenant] += request.served(self._scheduler.now - since)
        for tenant in self._workload.tenants:
            self._trace.served[tenant].append(served[tenant])
            self._trace.asked[tenant].append(self._asked[tenant])
            self._trace.backlogged[tenant].append(tenant not in self._dry)
        self._dry = {tenant for tenant in self._workload.tenants if not self._waiting[tenant]}


def play(workload: Workload, scheduler: Scheduler) -> Trace:
    return Server(workload, scheduler).run()

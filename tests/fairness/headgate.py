"""Headgate as a scheduler: the real gate's scripts, on a clock that the simulation moves."""

from datetime import timedelta
from typing import Self
from uuid import UUID

from shared import ids
from shared.contracts.kinds import Family
from shared.gate import keys
from shared.gate.values import Answered, Ending, Lease, Offer
from shared.intake import EXPECTED_COST
from tests.fairness.request import Request
from tests.fairness.scheduler import Scheduler
from tests.fairness.workload import Workload
from tests.support.gates import DAWN, TimedGate, configuration

LANE = "turns.pro"

#: All slots are one worker's.
WORKER = "server"

#: Of a lease, in seconds: longer than any request, since nobody renews leases here.
LONG = 3600.0


class Headgate(Scheduler):
    """Slots wake by the permits that the gate owes, and go on by `next`, as a worker's do.

    What a tenant's first jobs are expected to cost is told as a door tells it. Jobs are offered when a slot asks next,
    all in one round trip: until then nothing could have read them.
    """

    def __init__(self, workload: Workload, gate: TimedGate) -> None:
        self._workload, self._gate = workload, gate
        self._told = {tenant: configuration(tenant, weight=workload.weight(tenant)) for tenant in workload.tenants}
        self._offers: list[Offer] = []
        self._requests: dict[UUID, Request] = {}
        self._leases: dict[Request, Lease] = {}
        self._permits = 0

    def warm(self) -> Self:
        """Run each tenant's first request, alone: from here on the gate has seen what a job of each costs."""
        for tenant in self._workload.tenants:
            first = next(request for request in self._workload.requests if request.tenant == tenant)
            self.offer(first)
            assert self.claim() == first
            assert self.next(first) is None
        return self

    def offer(self, request: Request) -> None:
        place, cost = keys.score(0, request.number), EXPECTED_COST[Family.TURNS]
        offer = Offer(ids.new(), LANE, 1.0, place, cost, self._told[request.tenant])
        self._requests[offer.job] = request
        self._offers.append(offer)

    def claim(self) -> Request | None:
        self._tell()
        while self._permits:
            self._permits -= 1
            request = self._taken(self._gate.claim(WORKER, [LANE], LONG, permit=LANE))
            if request is not None:
                return request
        return None

    def next(self, ended: Request) -> Request | None:
        self._tell()
        ending = Ending(self._leases.pop(ended), ended.cost)
        return self._taken(self._gate.next(ending, WORKER, [LANE], LONG))

    def _tell(self) -> None:
        passed = DAWN + timedelta(seconds=self.now) - self._gate.now
        if passed:
            self._gate.pass_time(passed.total_seconds())
        offers, self._offers = self._offers, []
        self._permits += self._gate.offer(offers).get(LANE, 0)

    def _taken(self, answered: Answered) -> Request | None:
        self._permits += answered.permits.get(LANE, 0)
        if answered.lease is None:
            return None
        request = self._requests.pop(answered.lease.job)
        self._leases[request] = answered.lease
        return request

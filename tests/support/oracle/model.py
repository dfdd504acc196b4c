"""The gate as its specification has it (the design, section 5), in plain Python: nothing is packed, cached or counted.

Where the order leaves a choice (two tenants that are alike), and for tokens, the model takes what the gate's answer
says, after it has checked that it may be so. All else it computes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from shared.gate.limits import Configuration
from shared.gate.values import Draw, Hold, Reserved
from tests.support.oracle.jobs import Job, Where
from tests.support.oracle.leases import Leases
from tests.support.oracle.money import Wanted

#: The longest time between two sweeps, in milliseconds.
LONGEST = 1000


class Model(Leases):
    # --- budgets --------------------------------------------------------------

    def reserve(self, hold: Hold) -> Reserved:
        job = self.held(hold.lease)
        if job is None:
            return Reserved(held=False, cancelled=False, shortage=None)
        told = self.tenants[job.tenant].told
        if job.cancelled or hold.call in self.money.reserved:
            return Reserved(held=True, cancelled=job.cancelled, shortage=None, version=told.version)
        wanted, budgets = Wanted.of(hold.need, self.now), told.budgets
        short = self.money.shortage(job.tenant, budgets, wanted, self.now)
        if short is None:
            self.money.reserve(hold.call, job.tenant, hold.need)
            if self.needy(job.tenant):
                self.place(job.tenant)
        return Reserved(held=True, cancelled=False, shortage=short, version=told.version)

    def settle(self, draws: Sequence[tuple[str, Draw]]) -> None:
        """Each reservation makes way for what was drawn, in the same windows; who waits for room may have it."""
        tenants = {self.money.settle(call, draw) for call, draw in draws} - {None}
        for tenant in tenants:
            if tenant is not None and self.needy(tenant):
                self.place(tenant)

    def remember(self, tenant: str, drawn: Mapping[str, Draw]) -> None:
        for window, draw in drawn.items():
            self.money.drawn[tenant][window] = Counter(tokens=draw.tokens, nanos=draw.nanos)

    def hold(self, hold: Hold) -> None:
        self.money.reserve(hold.call, hold.lease.tenant, hold.need)

    # --- an operator's hand, and upkeep ---------------------------------------

    def tell(self, told: Configuration) -> None:
        self.configure(told)
        self.place(told.tenant)

    def sweep(self, permits: Counter[str], most: int) -> tuple[int, float]:
        """Answers how many leases ran out, and the milliseconds until something is due."""
        moved = self._expire(most)
        expired = len(moved)
        moved += self._wake(most)
        due = sorted((tenant.wakes, name) for name, tenant in self.tenants.items() if tenant.wakes is not None)
        moved += [name for wakes, name in due if wakes <= self.now][:most]
        for name in moved:
            self.place(name)
        self.workers = {name: worker for name, worker in self.workers.items() if worker.ends > self.now}
        free = self._free_slots()
        for name, lane in self.lanes.by_name.items():
            owed = lane.owe(self.startable(name))
            if missing := lane.repair(self.startable(name), free[name], self.now) or owed:
                permits[name] = missing
        return expired, self._until_due()

    def _expire(self, most: int) -> list[str]:
        """Leases that ran out: their jobs wait again, in front, since they were accepted first."""
        ends = sorted((hand.ends, str(job.id), job) for job, hand in self.jobs.hands() if hand.ends <= self.now)
        jobs = [job for _, _, job in ends[:most]]
        for job in jobs:
            self.take_back(job, None, whole=False)
            job.due = 0
            self.wait(job)
        return [job.tenant for job in jobs]

    def _wake(self, most: int) -> list[str]:
        """Jobs that are due join their backlogs."""
        jobs = [job for due, _, job in self._delayed() if due <= self.now][:most]
        for job in jobs:
            job.where = Where.WAITING
        return [job.tenant for job in jobs]

    def _delayed(self) -> list[tuple[float, str, Job]]:
        return sorted((job.due, str(job.id), job) for job in self.jobs if job.where == Where.DELAYED)

    def _free_slots(self) -> Counter[str]:
        free: Counter[str] = Counter()
        for name, worker in self.workers.items():
            idle = max(0, worker.slots - len(self.jobs.hands(name)))
            free.update(dict.fromkeys(worker.lanes, idle))
        return free

    def _until_due(self) -> float:
        moments = [hand.ends for _, hand in self.jobs.hands()]
        moments += [due for due, _, _ in self._delayed()]
        moments += [tenant.wakes for tenant in self.tenants.values() if tenant.wakes is not None]
        return max(0.0, min([LONGEST, *(moment - self.now for moment in moments)]))

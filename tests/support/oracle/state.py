"""The model's state, and the one function that places a tenant in its lanes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.gate.limits import Configuration
from tests.support.oracle import standing
from tests.support.oracle.jobs import Jobs, Where
from tests.support.oracle.lanes import Lanes
from tests.support.oracle.money import Money
from tests.support.oracle.tenants import Tenant


@dataclass
class Worker:
    """What a worker told with its heartbeat, good until it `ends`."""

    slots: int
    lanes: Sequence[str]
    ends: float


@dataclass
class Happened:
    """What came about since somebody looked, by lane and tenant, over weight: who was charged, put right, and lifted.

    `charges`: the largest share; `raised`, `lowered`: by how much in all; `settled`: what was drawn since a claim.
    """

    charges: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    raised: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    lowered: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    settled: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    lifted: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class State:
    """`now` in milliseconds since 1970."""

    now: float
    jobs: Jobs = field(default_factory=Jobs)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    lanes: Lanes = field(default_factory=Lanes)
    money: Money = field(default_factory=Money)
    workers: dict[str, Worker] = field(default_factory=dict)
    happened: Happened = field(default_factory=Happened)

    @contextmanager
    def operation(self) -> Iterator[Counter[str]]:
        """Gives the permits that are owed when it ends. A lane that has nothing to start then is one that returns."""
        permits: Counter[str] = Counter()
        yield permits
        for name, lane in self.lanes.by_name.items():
            if lane.paused or not self.startable(name):
                lane.returned = True
            if name not in permits and (owed := lane.owe(self.startable(name))):
                permits[name] = owed

    def configure(self, told: Configuration) -> Tenant:
        tenant = self.tenants.setdefault(told.tenant, Tenant(told.tenant, told.model_copy(update={"version": -1})))
        tenant.configure(told, self.now)
        return tenant

    def place(self, name: str) -> None:
        """Say where a tenant stands in each of its lanes.

        One that begins to wait for slots is lifted to the lane's clock: it banks nothing for the time before. One that
        was at its concurrency has waited all along, and keeps its time.
        """
        tenant = self.tenants[name]
        for lane, part in tenant.parts.items():
            before = part.standing.stands
            part.standing = standing.standing(tenant, lane, self.jobs, self.money, self.now)
            if before in ("idle", "blocked") and part.standing.stands in ("ready", "full"):
                part.time = max(part.time, self.lanes[lane].clock)
                self.happened.lifted.add((lane, name))
            ready = part.standing.stands == "ready"
            part.startable = standing.startable(tenant, lane, self.jobs, self.now) if ready else 0

    def startable(self, lane: str) -> int:
        """Jobs of a lane that could start now: whose tenants were found ready when they were last placed."""
        return sum(tenant.parts[lane].startable for tenant in self.tenants.values() if lane in tenant.parts)

    def charged(self, tenant: str, lane: str) -> float:
        """What a tenant's running jobs were charged, over weight."""
        hands = (hand for job, hand in self.jobs.hands() if (job.tenant, job.lane) == (tenant, lane))
        return sum(hand.share for hand in hands)

    def needy(self, tenant: str) -> bool:
        """Whether any of its jobs waits for room in a budget."""
        return any(job.wanted and job.where == Where.WAITING for job in self.jobs if job.tenant == tenant)

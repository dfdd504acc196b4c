"""A gate with so many tenants, each with jobs that wait, and its operations one after the other."""

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from redis import Redis

from shared import ids
from shared.gate import keys
from shared.gate.gate import Gate
from shared.gate.limits import Configuration
from shared.gate.values import Draw, Ending, Hold, Lease, Need, Offer
from shared.gate.windows import Windows
from tests.benchmarks.gated import gated
from tests.benchmarks.redis_meter import GATE, Meter, Spent
from tests.benchmarks.stage import BATCH

#: Seconds of a lease, as in life.
LEASE = 30.0

#: Jobs leased at once while operations are measured: what a few worker processes hold together.
HELD = 100

#: Jobs that a process's heartbeat renews in one call.
SLOTS = 16

#: What a job's call draws at worst, and what it does draw.
WORST, DRAWN = Draw(4000, 5_000_000), Draw(1500, 2_000_000)

WORKER = "worker"


class GateCrowd:
    """`spent`: operation → what it took Redis, round by round."""

    def __init__(self, redis: Redis, tenants: int, lanes: int = 1) -> None:
        self._cell = f"crowd-{ids.new().hex[-12:]}"
        self._redis, self._meter, self._gate = redis, Meter(redis), Gate(redis, self._cell)
        self._lanes = [f"turns.lane-{number}" for number in range(lanes)]
        self._tenants = [gated(f"t-{number}") for number in range(tenants)]
        self._numbers = count(1)
        self.spent: dict[str, list[Spent]] = defaultdict(list)

    def fill(self, jobs: int) -> None:
        """Open the gate, and let at least one job of each tenant wait, and at least so many in all."""
        assert self._gate.open(1, self._gate.memory())
        self._offer(max(jobs, len(self._tenants)))

    def round(self) -> None:
        """As many jobs come as go, so that each round finds the same."""
        with self._measured("offer"):
            self._offer(2 * HELD)
        with self._measured("claim"):
            held = deque(self._claimed() for _ in range(HELD))
        self._budgets(held)
        with self._measured("renew"):
            for _ in range(HELD):
                self._gate.renew(WORKER, list(held)[:SLOTS], LEASE, slots=SLOTS, lanes=self._lanes)
        with self._measured("next"):
            for _ in range(HELD):
                held.append(self._next(held.popleft()))
        with self._measured("release"):
            for lease in held:
                self._gate.release(Ending(lease, 1500))

    def _budgets(self, held: deque[Lease]) -> None:
        """Each job makes one call."""
        need, calls = Need(WORST, Windows.at(datetime.now(UTC))), [(f"{lease.job}/1", lease) for lease in held]
        with self._measured("reserve"):
            for call, lease in calls:
                assert self._gate.reserve(Hold(call, lease, need)).shortage is None
        with self._measured("settle"):
            for call, _ in calls:
                self._gate.settle([(call, DRAWN)])

    def _offer(self, jobs: int) -> None:
        for first in range(0, jobs, BATCH):
            self._gate.offer([self._job() for _ in range(min(BATCH, jobs - first))])

    def _job(self) -> Offer:
        number = next(self._numbers)
        lane, tenant = self._lanes[number % len(self._lanes)], self._tenant(number)
        return Offer(ids.new(), lane, 1.0, keys.score(5, number), 3000, tenant)

    def _tenant(self, number: int) -> Configuration:
        return self._tenants[number % len(self._tenants)]

    def _claimed(self) -> Lease:
        lease = self._gate.claim(WORKER, self._lanes, LEASE).lease
        assert lease is not None, "a gate full of jobs gave none"
        return lease

    def _next(self, done: Lease) -> Lease:
        lease = self._gate.next(Ending(done, 1500), WORKER, self._lanes, LEASE).lease
        assert lease is not None, "a gate full of jobs gave none"
        return lease

    @contextmanager
    def _measured(self, operation: str) -> Iterator[None]:
        with self._meter.spent(GATE) as spent:
            yield
        self.spent[operation].append(spent)

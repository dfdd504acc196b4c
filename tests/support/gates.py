"""A gate by itself, without a ledger: its own keys in Redis, and a clock that only the test moves."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from redis import Redis

from shared import ids
from shared.gate import keys
from shared.gate.gate import Gate
from shared.gate.limits import Budgets, Configuration, Limits
from shared.gate.scripts import Library
from shared.gate.values import Draw, Ending, How, Lease, Need, Offer
from shared.gate.windows import Windows
from shared.stores import redis
from tests.support.records import record

CLOCK = Path(__file__).with_name("gate_clock.lua").read_text()

#: Where the test's clock begins; any moment would do.
DAWN = datetime(2026, 11, 22, tzinfo=UTC)

#: Of a lease, in seconds, as in life.
LEASE = 30.0

#: More than any test needs, so that only the limit that a test sets can bind.
AMPLE = {"running": 1000, "turns": 1000, "ingest": 1000, "embed": 1000, "ops": 1000, "backlog": 1000}

_sequence = count(1)


class TimedGate(Gate):
    """The real gate on a clock of its own. Jobs get their order of acceptance as they are offered."""

    def __init__(self, client: Redis) -> None:
        cell = f"test-{ids.token()}"
        super().__init__(client, cell, library=Library(clock=CLOCK))
        self.redis, self.prefix, self.now = client, keys.prefix(cell), DAWN
        self.pass_time(0)
        assert self.open(1, self.memory())

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.redis.set(f"{self.prefix}clock", round(self.now.timestamp() * 1000))

    def put(self, tenant: str, lane: str = "turns.pro", jobs: int = 1, **told: Any) -> list[UUID]:
        """Offer so many jobs; `told` as in `job`."""
        offers = [job(tenant, lane, **told) for _ in range(jobs)]
        self.offer(offers)
        return [offer.job for offer in offers]

    def take(self, *lanes: str, worker: str = "w", permit: str = "") -> Lease | None:
        return self.claim(worker, lanes or ["turns.pro"], LEASE, permit=permit).lease

    def taken(self, *lanes: str, worker: str = "w") -> Lease:
        """A job that is surely there to take."""
        lease = self.take(*lanes, worker=worker)
        assert lease is not None, "the gate gave no job"
        return lease

    def woken(self, lane: str = "turns.pro", worker: str = "w") -> Lease:
        """The same, by a slot that one of the lane's permits woke."""
        lease = self.take(lane, worker=worker, permit=lane)
        assert lease is not None, "the gate gave no job"
        return lease

    def end(self, lease: Lease, cost: float = 1.0, how: How = "done", after: float = 0.0) -> bool:
        return self.release(Ending(lease, cost, how, after)).held

    def served(self, times: int, *lanes: str, cost: Mapping[str, float] | None = None) -> list[str]:
        """Whose jobs run, one after the other, by one slot; each draws what its tenant's jobs cost, or 1."""
        tenants = []
        for _ in range(times):
            lease = self.taken(*lanes)
            tenants.append(lease.tenant)
            self.end(lease, (cost or {}).get(lease.tenant, 1.0))
        return tenants

    def beat(self, slots: int, lanes: Sequence[str] = ("turns.pro",), worker: str = "w") -> None:
        """A heartbeat of a worker that holds nothing."""
        self.renew(worker, [], LEASE, slots=slots, lanes=lanes)

    def tenant(self, tenant: str) -> dict[str, Any]:
        """What the gate keeps of a tenant."""
        return record(self.redis, f"{self.prefix}1:tenant:{tenant}")

    def lane(self, lane: str) -> dict[str, Any]:
        """What the gate keeps of a lane."""
        return record(self.redis, f"{self.prefix}1:lane:{lane}")


@contextmanager
def timed_gate(url: str) -> Iterator[TimedGate]:
    client = redis.connect(url)
    gate = TimedGate(client)
    try:
        yield gate
    finally:
        for key in client.scan_iter(f"{gate.prefix}*", count=1000):
            client.unlink(key)
        client.close()


def configuration(
    tenant: str,
    *,
    version: int = 1,
    is_open: bool = True,
    paused: bool = False,
    weight: float = 1.0,
    budgets: Mapping[str, Any] | None = None,
    **limits: int,
) -> Configuration:
    return Configuration(
        tenant=tenant,
        version=version,
        open=is_open,
        paused=paused,
        weight=weight,
        limits=Limits.model_validate(AMPLE | limits),
        budgets=Budgets.model_validate(budgets or {}),
    )


def job(
    tenant: str,
    lane: str = "turns.pro",
    *,
    priority: int = 5,
    cost: float = 1.0,
    lane_weight: float = 1.0,
    due: datetime | None = None,
    key: str | None = None,
    **told: Any,
) -> Offer:
    """The next job in order of acceptance; `told` is the tenant's configuration."""
    place = keys.score(priority, next(_sequence))
    return Offer(ids.new(), lane, lane_weight, place, cost, configuration(tenant, **told), due, key)


def need(tokens: int, nanos: int = 0, at: datetime = DAWN) -> Need:
    """Room for so much, in the windows of this moment."""
    return Need(Draw(tokens, nanos), Windows.at(at))


def lease_of(offer: Offer, token: int) -> Lease:
    return Lease(offer.job, offer.configuration.tenant, offer.lane, token)

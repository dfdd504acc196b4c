"""Whatever is asked of the gate, in whatever order, and however permits and workers are lost: its books agree.

Hypothesis drives the real scripts. After each step the keys in Redis are compared with a model that knows only which
jobs are unfinished, who holds them, and what the limits are; at the end everything must have run.
"""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.embedded import Servers
from shared.gate.values import Answered, Ending, Lease, Permits
from shared.stores import redis
from tests.support.books import Books, read
from tests.support.gates import LEASE, TimedGate, configuration, job

LANES = ("turns.pro", "turns.free", "ingest.pro")
FAMILIES = ("turns", "ingest")
SLOTS = 3

TENANTS = ("a", "b", "c")

tenants = st.sampled_from(TENANTS)
workers = st.sampled_from(["w1", "w2"])
lanes = st.sampled_from(LANES)
served = st.sampled_from([LANES, LANES[:1], LANES[1:]])
costs = st.sampled_from([0.0, 1.0, 10.0])
limits = st.fixed_dictionaries({"running": st.integers(0, 4), "turns": st.integers(0, 3), "ingest": st.integers(0, 2)})


class GateMachine(RuleBasedStateMachine):
    url = ""

    @initialize()
    def open(self) -> None:
        self.client = redis.connect(self.url)
        self.gate = TimedGate(self.client)
        self.jobs: dict[UUID, str] = {}
        self.held: dict[UUID, tuple[Lease, str]] = {}
        self.told: dict[str, dict[str, Any]] = {}
        self.versions: Counter[str] = Counter()
        self.broker: Counter[str] = Counter()
        self.tokens: list[int] = []
        self.before: Books | None = None

    def teardown(self) -> None:
        if not hasattr(self, "gate"):
            return
        self.drain()
        for key in self.client.scan_iter(f"{self.gate.prefix}*", count=1000):
            self.client.unlink(key)
        self.client.close()

    # --- what doors and operators do ------------------------------------------

    @rule(tenant=tenants, lane=lanes, priority=st.integers(0, 9), cost=costs, delay=st.integers(0, 5))
    def offer(self, tenant: str, lane: str, priority: int, cost: float, delay: int) -> None:
        due = self.gate.now + timedelta(seconds=delay) if delay else None
        offer = job(tenant, lane, priority=priority, cost=cost, due=due, **self.configured(tenant))
        self.jobs[offer.job] = tenant
        self.publish(self.gate.offer([offer, offer]))

    @rule(tenant=tenants, limits=limits, is_open=st.booleans(), weight=st.sampled_from([0.5, 1.0, 4.0]))
    def configure(self, tenant: str, limits: dict[str, int], is_open: bool, weight: float) -> None:
        self.versions[tenant] += 1
        self.told[tenant] = limits | {"is_open": is_open, "weight": weight}
        self.publish(self.gate.configure(configuration(tenant, **self.configured(tenant))))

    # --- what workers do ------------------------------------------------------

    @rule(lane=lanes, worker=workers, lanes=served)
    def take_a_permit(self, lane: str, worker: str, lanes: tuple[str, ...]) -> None:
        permit = lane if self.broker[lane] else ""
        self.broker[permit] -= 1
        self.keep(self.gate.claim(worker, lanes, LEASE, permit=permit), worker)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), cost=costs, lanes=served)
    def go_on(self, data: st.DataObject, cost: float, lanes: tuple[str, ...]) -> None:
        lease, worker = self.drop(data)
        self.jobs.pop(lease.job)
        answered = self.gate.next(Ending(lease, cost), worker, lanes, LEASE)
        assert answered.held
        self.keep(answered, worker)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), cost=costs, how=st.sampled_from(["done", "retry", "back"]), delay=st.integers(0, 3))
    def release(self, data: st.DataObject, cost: float, how: Any, delay: int) -> None:
        lease, _ = self.drop(data)
        if how == "done":
            self.jobs.pop(lease.job)
        answered = self.gate.release(Ending(lease, cost, how, delay))
        assert answered.held
        self.publish(answered.permits)
        assert not self.gate.release(Ending(lease, cost)).held

    @rule(worker=workers)
    def beat(self, worker: str) -> None:
        mine = [lease for lease, holder in self.held.values() if holder == worker]
        assert self.gate.renew(worker, mine, LEASE, slots=SLOTS, lanes=LANES).lost == set()

    # --- what time and mishaps do ---------------------------------------------

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, LEASE]))
    def pass_time(self, seconds: float) -> None:
        self.gate.pass_time(seconds)
        self.sweep()

    @rule(lane=lanes)
    def lose_permits(self, lane: str) -> None:
        self.broker[lane] = 0

    # --- what must hold -------------------------------------------------------

    @invariant()
    def books_agree(self) -> None:
        if not hasattr(self, "gate"):
            return
        books = read(self.gate, TENANTS, LANES)
        books.check()
        assert books.jobs == self.jobs.keys()
        assert set(books.leases) == self.held.keys()
        self.no_limit_exceeded(books)
        self.before = books

    def no_limit_exceeded(self, books: Books) -> None:
        """More than a limit may run only where the limit was lowered, and then no more than before."""
        for tenant, running in books.running.items():
            told, before = self.configured(tenant), self.before.running if self.before else {}
            earlier = before.get(tenant, Counter())
            for name in ("running", *FAMILIES):
                assert running[name] <= max(told.get(name, 1000), earlier[name]), (tenant, name)

    # --- helpers --------------------------------------------------------------

    def configured(self, tenant: str) -> dict[str, Any]:
        return self.told.get(tenant, {}) | {"version": self.versions[tenant] + 1}

    def publish(self, permits: Permits) -> None:
        self.broker.update(permits)

    def keep(self, answered: Answered, worker: str) -> None:
        self.publish(answered.permits)
        lease = answered.lease
        if lease is not None:
            assert lease.token > max(self.tokens, default=0)
            self.tokens.append(lease.token)
            self.held[lease.job] = (lease, worker)

    def drop(self, data: st.DataObject) -> tuple[Lease, str]:
        return self.held.pop(data.draw(st.sampled_from(sorted(self.held))))

    def sweep(self) -> None:
        swept = self.gate.sweep("w1")
        self.publish(swept.permits)
        if swept.fields["expired"]:
            leased = set(read(self.gate, TENANTS, LANES).leases)
            self.held = {job: kept for job, kept in self.held.items() if job in leased}

    def drain(self) -> None:
        """All permits are lost and every worker that held a job is dead: a live one must run everything in the end."""
        self.broker.clear()
        for tenant in TENANTS:
            self.configure(tenant, {"running": 2, "turns": 1, "ingest": 1}, True, 1.0)
        self.broker.clear()
        rounds = 0
        while self.jobs:
            rounds += 1
            assert rounds < 200, f"{len(self.jobs)} jobs never ran"
            self.gate.pass_time(LEASE if rounds == 1 else 1)
            self.gate.renew("last", [], LEASE, slots=SLOTS, lanes=LANES)
            self.sweep()
            self.run_what_is_permitted()
            self.books_agree()

    def run_what_is_permitted(self) -> None:
        for lane in list(self.broker.elements()):
            answered = self.gate.claim("last", LANES, LEASE, permit=lane)
            self.broker[lane] -= 1
            while answered.lease is not None:
                self.jobs.pop(answered.lease.job)
                answered = self.gate.next(Ending(answered.lease, 1.0), "last", LANES, LEASE)
                self.publish(answered.permits)


def test_the_gates_books_agree_whatever_happens(servers: Servers) -> None:
    machine = type("Machine", (GateMachine,), {"url": servers.redis_url})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None, database=None)
    )

"""What an operator's hand does at the gate: pause a tenant or a lane, cancel a job, offer one again."""

from collections.abc import Iterator

import pytest

from shared.contracts.kinds import Family
from shared.embedded import Servers
from shared.gate.values import Hold
from tests.support.gates import LEASE, TimedGate, configuration, job, need, timed_gate

LANE = "turns.pro"


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def test_a_paused_tenants_jobs_wait_and_go_on_when_it_resumes(gate: TimedGate) -> None:
    gate.put("a", paused=True)
    gate.put("b")
    assert gate.woken().tenant == "b"
    assert gate.take() is None
    assert gate.configure(configuration("a", version=2)) == {LANE: 1}
    assert gate.taken().tenant == "a"


def test_nothing_is_claimed_from_a_paused_lane_by_whoever_serves_it(gate: TimedGate) -> None:
    gate.put("a")
    gate.put("a", "turns.free")
    gate.pause(LANE, paused=True)
    assert gate.take(LANE) is None
    assert gate.taken(LANE, "turns.free").lane == "turns.free"
    assert gate.take(LANE, "turns.free") is None


def test_a_paused_lane_gets_no_permits_and_gets_them_when_it_is_resumed(gate: TimedGate) -> None:
    gate.pause(LANE, paused=True)
    assert gate.offer([job("a") for _ in range(3)]) == {}
    gate.beat(4)
    for _ in range(4):
        gate.pass_time(1)
        assert gate.sweep("w").permits == {}
    assert gate.pause(LANE, paused=False) == {LANE: 3}
    gate.taken()


def test_a_cancelled_job_that_waits_is_forgotten(gate: TimedGate) -> None:
    first, second = gate.put("a", jobs=2)
    gate.cancel(first)
    gate.cancel(first)
    assert gate.taken().job == second
    assert gate.waiting([("a", Family.TURNS)]) == [0]


def test_a_cancelled_job_that_is_held_until_later_is_forgotten(gate: TimedGate) -> None:
    gate.put("a")
    lease = gate.taken()
    gate.end(lease, how="retry", after=60)
    gate.cancel(lease.job)
    gate.pass_time(60)
    gate.sweep("w")
    assert gate.take() is None
    assert gate.waiting([("a", Family.TURNS)]) == [0]


def test_a_running_job_that_is_cancelled_is_told_with_the_heartbeat_and_at_its_next_call(gate: TimedGate) -> None:
    gate.put("a")
    lease = gate.taken()
    assert gate.renew("w", [lease], LEASE, slots=1, lanes=[LANE]).cancelled == set()
    gate.cancel(lease.job)
    assert gate.renew("w", [lease], LEASE, slots=1, lanes=[LANE]).cancelled == {lease.job}
    reserved = gate.reserve(Hold("one", lease, need(5)))
    assert (reserved.held, reserved.cancelled) == (True, True)
    assert gate.drawn("a") == {}


def test_a_job_offered_while_it_is_leased_waits_again_when_it_has_ended(gate: TimedGate) -> None:
    offer = job("a")
    gate.offer([offer])
    lease = gate.taken()
    gate.offer([offer])
    assert gate.take() is None
    gate.end(lease)
    again = gate.taken()
    assert again.job == offer.job
    gate.end(again)
    assert gate.take() is None


def test_a_job_that_was_gone_costs_its_tenant_nothing(gate: TimedGate) -> None:
    gate.put("a", jobs=2, cost=50.0)
    gate.put("b", jobs=2, cost=50.0)
    lease = gate.taken()
    gate.end(lease, cost=0.0, how="gone")
    part = gate.tenant(lease.tenant)["lanes"][LANE]
    assert part["time"] == 0
    assert "cost" not in part


def test_a_job_offered_while_it_is_leased_waits_again_once(gate: TimedGate) -> None:
    offer = job("a")
    gate.offer([offer])
    lease = gate.taken()
    gate.offer([offer])
    gate.end(lease, how="retry")
    gate.end(gate.taken())
    assert gate.take() is None

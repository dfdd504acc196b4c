"""Whose turn it is: virtual time among tenants, stride among lanes, priority and acceptance within a tenant."""

from collections import Counter
from collections.abc import Iterator

import pytest

from shared.embedded import Servers
from tests.support.gates import TimedGate, configuration, job, timed_gate


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def test_a_tenant_whose_jobs_cost_more_runs_fewer_of_them(gate: TimedGate) -> None:
    gate.put("dear", jobs=60)
    gate.put("cheap", jobs=60)
    served = Counter(gate.served(60, cost={"dear": 3.0, "cheap": 1.0}))
    assert served["cheap"] == pytest.approx(3 * served["dear"], abs=4)


def test_a_tenant_of_double_weight_is_served_double(gate: TimedGate) -> None:
    gate.put("double", jobs=60, weight=2.0)
    gate.put("single", jobs=60)
    served = Counter(gate.served(60))
    assert served["double"] == pytest.approx(2 * served["single"], abs=3)


def test_equal_tenants_take_turns(gate: TimedGate) -> None:
    gate.put("a", jobs=5)
    gate.put("b", jobs=5)
    served = gate.served(10)
    assert all({*pair} == {"a", "b"} for pair in zip(served[::2], served[1::2], strict=True))


def test_a_newcomer_is_served_next_and_then_in_turn(gate: TimedGate) -> None:
    gate.put("flood", jobs=60)
    gate.served(20)
    gate.put("newcomer", jobs=20)
    served = gate.served(20)
    assert "newcomer" in served[:2]
    assert Counter(served)["newcomer"] == pytest.approx(10, abs=1)


def test_an_idle_tenant_banks_nothing(gate: TimedGate) -> None:
    gate.put("idler")
    gate.put("flood", jobs=60)
    gate.served(30)
    gate.put("idler", jobs=20)
    assert Counter(gate.served(20))["idler"] == pytest.approx(10, abs=1)


def test_a_newcomer_waits_only_for_running_jobs_however_wrong_the_first_estimates_were(gate: TimedGate) -> None:
    gate.put("flood", jobs=100, cost=3000, turns=8)
    for lease in [gate.taken() for _ in range(8)]:
        gate.end(lease, 100)
    gate.put("newcomer", jobs=10, cost=100)
    assert "newcomer" in gate.served(2, cost={"flood": 100, "newcomer": 100})
    assert Counter(gate.served(10, cost={"flood": 100, "newcomer": 100}))["newcomer"] >= 4


def test_a_tenant_at_its_concurrency_keeps_its_turn(gate: TimedGate) -> None:
    gate.put("narrow", jobs=5, turns=1)
    held = gate.taken()
    gate.put("wide", jobs=40)
    gate.served(20)
    assert gate.tenant("narrow")["lanes"]["turns.pro"]["stands"] == "full"
    gate.end(held)
    assert gate.served(4) == ["narrow"] * 4


def test_a_tenant_that_comes_while_its_other_work_fills_its_limit_banks_nothing(gate: TimedGate) -> None:
    gate.put("flood", jobs=60)
    gate.put("busy", "ingest.pro", running=1)
    held = gate.taken("ingest.pro")
    gate.served(30)
    gate.put("busy", jobs=20, running=1)
    gate.end(held)
    assert Counter(gate.served(20))["busy"] == pytest.approx(10, abs=1)


def test_a_tenant_whose_limit_was_nought_banks_nothing(gate: TimedGate) -> None:
    gate.put("barred", jobs=20, turns=0)
    gate.put("flood", jobs=60)
    gate.served(30)
    gate.put("barred", version=2)
    assert Counter(gate.served(20))["barred"] == pytest.approx(10, abs=1)


def test_a_tenants_jobs_run_by_priority_and_then_by_acceptance(gate: TimedGate) -> None:
    late, early = job("a", priority=5), job("a", priority=5)
    first, last = job("a", priority=0), job("a", priority=9)
    gate.offer([last, early, late, first])
    order = [first, *sorted([early, late], key=lambda offer: offer.score), last]
    assert [gate.taken().job for _ in order] == [offer.job for offer in order]


def test_lanes_share_a_slot_by_weight(gate: TimedGate) -> None:
    gate.put("a", "turns.free", jobs=60, lane_weight=1)
    gate.put("b", "turns.pro", jobs=60, lane_weight=4)
    served = Counter(lease_of_a_second(gate, "turns.free", "turns.pro") for _ in range(50))
    assert served["b"] == pytest.approx(4 * served["a"], abs=5)


def test_lanes_share_by_slot_seconds_not_by_jobs(gate: TimedGate) -> None:
    gate.put("slow", "turns.free", jobs=60)
    gate.put("quick", "turns.pro", jobs=60)
    seconds = {"slow": 4.0, "quick": 1.0}
    served = Counter(lease_of_a_second(gate, "turns.free", "turns.pro", seconds=seconds) for _ in range(50))
    assert served["quick"] == pytest.approx(4 * served["slow"], abs=6)


def test_an_idle_lane_banks_nothing(gate: TimedGate) -> None:
    gate.put("a", "turns.free", jobs=60)
    for _ in range(30):
        lease_of_a_second(gate, "turns.free", "turns.pro")
    gate.put("b", "turns.pro", jobs=30)
    served = Counter(lease_of_a_second(gate, "turns.free", "turns.pro") for _ in range(20))
    assert served["b"] == pytest.approx(10, abs=1)


def test_a_lane_that_comes_back_does_not_wait_for_what_other_workers_have_served(gate: TimedGate) -> None:
    gate.put("parser", "ingest.pro", jobs=60)
    gate.put("a", "turns.free", jobs=60)
    lease_of_a_second(gate, "turns.free", "turns.pro")
    for _ in range(50):  # by a worker that serves no turns
        lease_of_a_second(gate, "ingest.pro")
    gate.put("b", "turns.pro", jobs=30)
    served = Counter(lease_of_a_second(gate, "turns.free", "turns.pro") for _ in range(20))
    assert served["b"] == pytest.approx(10, abs=1)


def lease_of_a_second(gate: TimedGate, *lanes: str, seconds: dict[str, float] | None = None) -> str:
    """Serve one job for a second of slot time, or for its tenant's; answers the tenant."""
    lease = gate.taken(*lanes)
    gate.pass_time((seconds or {}).get(lease.tenant, 1.0))
    gate.end(lease)
    return lease.tenant


def test_a_paused_lane_banks_nothing(gate: TimedGate) -> None:
    gate.put("a", "turns.free", jobs=60)
    gate.put("b", "turns.pro", jobs=60)
    for _ in range(4):
        lease_of_a_second(gate, "turns.free", "turns.pro")
    gate.pause("turns.pro", paused=True)
    for _ in range(30):
        lease_of_a_second(gate, "turns.free", "turns.pro")
    gate.pause("turns.pro", paused=False)
    served = Counter(lease_of_a_second(gate, "turns.free", "turns.pro") for _ in range(20))
    assert served["b"] == pytest.approx(10, abs=1)


def test_a_weight_that_changes_while_a_job_runs_banks_nothing(gate: TimedGate) -> None:
    gate.put("a", weight=4.0, cost=1000)
    lease = gate.taken()
    gate.configure(configuration("a", version=2, weight=0.5))
    gate.end(lease, cost=200)
    assert gate.tenant("a")["lanes"]["turns.pro"]["time"] == pytest.approx(200 / 0.5)


def test_a_lane_whose_weight_changes_while_a_job_runs_banks_nothing(gate: TimedGate) -> None:
    gate.put("a", lane_weight=4.0)
    lease = gate.taken()
    gate.weigh("turns.pro", 0.5)
    gate.end(lease)
    assert gate.lane("turns.pro")["pass"] == pytest.approx(0)


def test_a_clock_that_steps_back_charges_a_lane_no_less_than_nothing(gate: TimedGate) -> None:
    gate.put("a", jobs=2)
    lease = gate.taken()
    gate.pass_time(-60)
    gate.end(lease)
    assert gate.lane("turns.pro")["pass"] == pytest.approx(0)
    assert gate.lane("turns.pro")["seconds"] >= 0


def test_a_newcomer_that_comes_while_running_jobs_are_charged_too_much_waits_only_for_them(gate: TimedGate) -> None:
    gate.put("flood", jobs=100, cost=3000)
    running = [gate.taken() for _ in range(8)]
    gate.put("newcomer", jobs=10, cost=100)
    for lease in running:
        gate.end(lease, 100)
    assert "newcomer" in gate.served(2, cost={"flood": 100, "newcomer": 100})

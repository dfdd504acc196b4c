"""Requests per minute: jobs started, counted at the claim, evenly or in a burst."""

from collections.abc import Iterator

import pytest

from shared.embedded import Servers
from tests.support.gates import TimedGate, configuration, timed_gate

LANE = "turns.pro"


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def starts(gate: TimedGate, seconds: float, step: float = 0.05) -> int:
    """How many jobs start in this time, taken as soon as the gate gives them."""
    number = 0
    for _ in range(round(seconds / step)):
        gate.sweep("w")
        while gate.take():
            number += 1
        gate.pass_time(step)
    return number


def test_a_tenant_starts_no_more_jobs_than_its_rate_allows(gate: TimedGate) -> None:
    gate.put("a", jobs=100, rate=60)
    assert starts(gate, 10) == 10


def test_a_burst_starts_at_once_and_then_the_rate_holds(gate: TimedGate) -> None:
    gate.put("a", jobs=100, rate=60, burst=5)
    assert starts(gate, 0.05) == 5
    assert starts(gate, 9.95) == 9


def test_a_rate_banks_no_more_than_its_burst(gate: TimedGate) -> None:
    gate.put("a", jobs=1, rate=60, burst=3)
    gate.end(gate.taken())
    gate.pass_time(3600)
    gate.put("a", jobs=100, rate=60, burst=3)
    assert starts(gate, 0.05) == 3


def test_the_sweep_wakes_at_the_very_time_at_which_the_next_job_may_start(gate: TimedGate) -> None:
    gate.put("a", jobs=3, rate=600)
    gate.woken()
    assert gate.sweep("w").fields["wake"] == 100
    gate.pass_time(0.099)
    assert gate.sweep("w").permits == {}
    gate.pass_time(0.001)
    assert gate.sweep("w").permits == {LANE: 1}
    gate.taken()


def test_a_sweeper_that_means_to_sleep_longer_is_rung_for(gate: TimedGate) -> None:
    assert gate.sweep("w").fields["wake"] == 1000
    gate.put("a", jobs=2, rate=600)
    assert not gate.redis.exists(f"{gate.prefix}wake:sweep")
    gate.taken()
    assert gate.redis.llen(f"{gate.prefix}wake:sweep") == 1


def test_a_rate_counts_over_all_lanes_and_leaves_the_platforms_own_work_alone(gate: TimedGate) -> None:
    for lane in (LANE, "embed.pro", "ops.pro"):
        gate.put("a", lane, jobs=5, rate=60)
    lanes = (LANE, "embed.pro", "ops.pro")
    given = [lease.lane for _ in range(6) if (lease := gate.take(*lanes))]
    assert sorted(given) == sorted([*["ops.pro"] * 5, *set(given) - {"ops.pro"}])
    assert len(given) == 6


def test_others_go_on_while_one_is_held_to_its_rate(gate: TimedGate) -> None:
    gate.put("slow", jobs=10, rate=60)
    gate.put("free", jobs=3)
    assert sorted(gate.served(4)) == ["free", "free", "free", "slow"]
    assert gate.take() is None


def test_a_faster_rate_frees_at_once_what_a_slower_one_made_wait(gate: TimedGate) -> None:
    gate.put("a", jobs=3, rate=1)
    gate.taken()
    assert gate.take() is None
    gate.configure(configuration("a", version=2, rate=600))
    gate.pass_time(0.1)
    gate.sweep("w")
    gate.taken()


def test_a_blocked_tenant_is_shown_with_its_reason_and_its_time(gate: TimedGate) -> None:
    gate.put("a", jobs=2, rate=60)
    gate.taken()
    (backlog,) = gate.look()["backlogs"]
    assert (backlog["stands"], backlog["reason"]) == ("blocked", "rate")
    assert backlog["until"] == (gate.now.timestamp() + 1) * 1000

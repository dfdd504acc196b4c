"""Ordering keys: the jobs of one key run one at a time, in order of acceptance, whatever happens to them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.embedded import Servers
from tests.support.gates import LEASE, TimedGate, job, timed_gate


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def test_jobs_of_one_key_run_one_at_a_time_in_order_of_acceptance(gate: TimedGate) -> None:
    jobs = gate.put("a", jobs=3, key="k")
    for expected in jobs:
        lease = gate.taken()
        assert lease.job == expected
        assert gate.take() is None
        gate.end(lease)


def test_other_keys_other_tenants_and_jobs_without_a_key_run_beside(gate: TimedGate) -> None:
    gate.put("a", jobs=2, key="k")
    gate.put("a", jobs=2, key="other")
    gate.put("b", jobs=2, key="k")
    gate.put("a", jobs=1)
    assert len([lease for _ in range(9) if (lease := gate.take())]) == 4


def test_priority_does_not_pass_the_order_of_a_key(gate: TimedGate) -> None:
    (first,) = gate.put("a", key="k", priority=9)
    gate.put("a", key="k", priority=0)
    assert gate.taken().job == first


def test_a_key_stays_busy_while_its_job_waits_for_another_try(gate: TimedGate) -> None:
    first, second = gate.put("a", jobs=2, key="k")
    gate.end(gate.taken(), how="retry", after=10)
    assert gate.take() is None
    gate.pass_time(10)
    gate.sweep("w")
    lease = gate.taken()
    assert lease.job == first
    gate.end(lease)
    assert gate.taken().job == second


def test_a_key_stays_busy_when_its_worker_dies(gate: TimedGate) -> None:
    first, _ = gate.put("a", jobs=2, key="k")
    gate.taken()
    gate.pass_time(LEASE)
    gate.sweep("w")
    assert gate.taken().job == first
    assert gate.take() is None


def test_a_job_for_later_holds_its_key_from_its_acceptance_on(gate: TimedGate) -> None:
    (first,) = gate.put("a", key="k", due=gate.now + timedelta(seconds=60))
    gate.put("a", key="k")
    assert gate.take() is None
    gate.pass_time(60)
    gate.sweep("w")
    assert gate.taken().job == first


def test_a_held_job_that_is_for_later_waits_on_when_the_key_is_free(gate: TimedGate) -> None:
    gate.put("a", key="k")
    (second,) = gate.put("a", key="k", due=gate.now + timedelta(seconds=60))
    gate.end(gate.taken())
    assert gate.take() is None
    gate.pass_time(60)
    gate.sweep("w")
    assert gate.taken().job == second


def test_a_job_offered_late_goes_before_the_one_that_gives_the_key_back(gate: TimedGate) -> None:
    early, late = job("a", key="k"), job("a", key="k")
    gate.offer([late])
    lease = gate.taken()
    gate.offer([early])
    assert gate.take() is None
    gate.end(lease, how="back")
    assert gate.taken().job == early.job


def test_held_jobs_count_in_the_backlog_and_are_shown(gate: TimedGate) -> None:
    gate.put("a", jobs=3, key="k")
    (backlog,) = gate.look()["backlogs"]
    assert (backlog["waiting"], backlog["held"]) == (1, 2)


def test_a_running_job_that_a_rebuild_takes_in_takes_the_key_from_one_that_waits(gate: TimedGate) -> None:
    waiting, running = job("a", key="k"), job("a", key="k")
    gate.offer([waiting], epoch=1)
    gate.adopt([(running, 7, False)], LEASE, epoch=1)
    assert gate.take() is None
    gate.pass_time(LEASE)
    gate.sweep("w")
    assert gate.taken().job == waiting.job


def test_a_cancelled_job_passes_its_key_on(gate: TimedGate) -> None:
    first, second, third = gate.put("a", jobs=3, key="k")
    gate.cancel(second)
    gate.cancel(first)
    assert gate.taken().job == third


def test_a_job_offered_late_goes_before_a_later_one_that_has_not_started(gate: TimedGate) -> None:
    early, late = job("a", key="k"), job("a", key="k")
    gate.offer([late, early])
    for expected in (early, late):
        lease = gate.taken()
        assert lease.job == expected.job
        assert gate.take() is None
        gate.end(lease)


def test_a_job_that_makes_way_for_an_earlier_one_is_still_for_later(gate: TimedGate) -> None:
    early, late = job("a", key="k"), job("a", key="k")
    gate.offer([late])
    gate.end(gate.taken(), how="retry", after=60)
    gate.offer([early])
    gate.end(gate.taken())
    assert gate.take() is None
    gate.pass_time(60)
    gate.sweep("w")
    assert gate.taken().job == late.job

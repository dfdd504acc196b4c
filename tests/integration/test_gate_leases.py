"""A job's way through the gate: offered once, leased, renewed, given back, delayed, and swept when its lease ends."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.embedded import Servers
from shared.gate.values import Ending, Lease
from tests.support.gates import LEASE, TimedGate, job, timed_gate

LANE = "turns.pro"


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def stale(lease: Lease) -> Lease:
    return Lease(lease.job, lease.tenant, lease.lane, lease.token - 1)


def test_a_job_offered_again_stays_one_job(gate: TimedGate) -> None:
    offer = job("a")
    gate.offer([offer, offer])
    gate.offer([offer])
    assert gate.taken().job == offer.job
    gate.offer([offer])  # while it runs
    assert gate.take() is None


def test_a_token_grows_with_every_lease(gate: TimedGate) -> None:
    gate.put("a")
    first = gate.taken()
    gate.end(first, how="back")
    second = gate.taken()
    assert (second.job, second.epoch) == (first.job, 1)
    assert second.token > first.token


def test_a_release_under_an_old_token_changes_nothing(gate: TimedGate) -> None:
    gate.put("a", turns=1)
    lease = gate.taken()
    assert not gate.end(stale(lease))
    assert gate.tenant("a")["running"] == 1
    assert gate.end(lease)
    assert not gate.end(lease)
    assert gate.tenant("a")["running"] == 0


def test_next_under_an_old_token_leaves_the_lease_and_still_claims(gate: TimedGate) -> None:
    gate.put("a", jobs=2)
    lease = gate.taken()
    answered = gate.next(Ending(stale(lease), 1.0), "w", [LANE], LEASE)
    assert not answered.held
    assert answered.lease is not None
    assert answered.lease.job != lease.job
    assert gate.tenant("a")["running"] == 2


def test_next_gives_the_slot_back_before_it_claims(gate: TimedGate) -> None:
    gate.put("a", jobs=2, turns=1)
    answered = gate.next(Ending(gate.taken(), 1.0), "w", [LANE], LEASE)
    assert answered.held
    assert answered.lease is not None


def test_a_job_handed_back_goes_where_it_was(gate: TimedGate) -> None:
    first, _ = gate.put("a", jobs=2)
    gate.end(gate.taken(), how="back")
    assert gate.taken().job == first


def test_a_job_to_be_retried_waits_until_it_is_due(gate: TimedGate) -> None:
    first, second = gate.put("a", jobs=2)
    gate.end(gate.woken(), how="retry", after=5)
    assert gate.woken().job == second
    gate.pass_time(4.9)
    gate.sweep("w")
    assert gate.take() is None
    gate.pass_time(0.1)
    assert gate.sweep("w").permits == {LANE: 1}
    assert gate.taken().job == first


def test_a_job_for_later_is_not_eligible_before(gate: TimedGate) -> None:
    assert gate.offer([job("a", due=gate.now + timedelta(seconds=60))]) == {}
    assert gate.sweep("w").fields["wake"] == 1000
    gate.pass_time(59.5)
    assert gate.sweep("w").fields["wake"] == 500
    gate.pass_time(0.5)
    assert gate.sweep("w").permits == {LANE: 1}


def test_a_job_due_in_the_past_may_start_now(gate: TimedGate) -> None:
    assert gate.offer([job("a", due=gate.now - timedelta(days=1))]) == {LANE: 1}


def test_an_expired_lease_goes_to_the_front_and_frees_its_slot(gate: TimedGate) -> None:
    first, *_ = gate.put("a", jobs=3, turns=1)
    lost = gate.woken(worker="dead")
    gate.pass_time(LEASE)
    swept = gate.sweep("w")
    assert (swept.fields["expired"], swept.permits) == (1, {LANE: 1})
    again = gate.taken()
    assert again.job == lost.job == first
    assert again.token > lost.token
    assert not gate.end(lost)


def test_a_lease_is_not_swept_before_its_end(gate: TimedGate) -> None:
    gate.put("a")
    gate.taken()
    gate.pass_time(LEASE - 0.001)
    assert gate.sweep("w").fields["expired"] == 0


def test_a_renewed_lease_lives_on(gate: TimedGate) -> None:
    gate.put("a")
    lease = gate.taken()
    for _ in range(5):
        gate.pass_time(LEASE - 1)
        assert gate.renew("w", [lease], LEASE, slots=1, lanes=[LANE]).lost == set()
        assert gate.sweep("w").fields["expired"] == 0


def test_a_renewal_answers_what_was_lost(gate: TimedGate) -> None:
    gate.put("a", jobs=3)
    kept, expired, done = gate.taken(), gate.taken(), gate.taken()
    gate.end(done)
    gate.pass_time(LEASE - 1)
    gate.renew("w", [kept], LEASE, slots=3, lanes=[LANE])
    gate.pass_time(1)
    gate.sweep("w")
    lost = gate.renew("w", [kept, expired, done], LEASE, slots=3, lanes=[LANE]).lost
    assert lost == {expired.job, done.job}


def test_a_lost_lease_is_not_renewed_by_its_old_token(gate: TimedGate) -> None:
    gate.put("a")
    old = gate.taken(worker="frozen")
    gate.pass_time(LEASE)
    gate.sweep("w")
    new = gate.taken()
    assert gate.renew("frozen", [old], LEASE, slots=1, lanes=[LANE]).lost == {old.job}
    assert gate.renew("w", [new], LEASE, slots=1, lanes=[LANE]).lost == set()


def test_only_one_worker_sweeps_at_a_time(gate: TimedGate) -> None:
    assert gate.sweep("a").fields["swept"]
    assert not gate.sweep("b").fields["swept"]
    assert gate.sweep("a").fields["swept"]


def test_a_sweep_moves_a_bounded_number_of_jobs(gate: TimedGate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.gate.gate.SWEEP_LIMIT", 10)
    gate.put("a", jobs=25)
    for _ in range(25):
        gate.taken()
    gate.pass_time(LEASE)
    assert [gate.sweep("w").fields["expired"] for _ in range(3)] == [10, 10, 5]

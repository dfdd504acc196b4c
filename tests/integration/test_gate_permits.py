"""Permits: as many as may be of use, never many more, and sent anew when they are lost."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from shared.embedded import Servers
from shared.gate.values import Ending
from tests.support.gates import LEASE, TimedGate, configuration, job, lease_of, timed_gate

LANE = "turns.pro"

#: Most permits of a lane that are out at once.
CAP = 64


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def repaired(gate: TimedGate, sweeps: int = 1) -> list[int]:
    """The permits that each of these sweeps sends, a second apart, while the worker lives on."""
    sent = []
    for _ in range(sweeps):
        gate.pass_time(1)
        gate.beat(slots=20)
        sent.append(gate.sweep("w").permits.get(LANE, 0))
    return sent


def test_an_offer_owes_a_permit_for_each_job_that_could_start(gate: TimedGate) -> None:
    assert gate.offer([job("a") for _ in range(3)]) == {LANE: 3}


def test_jobs_over_a_limit_owe_no_permit(gate: TimedGate) -> None:
    assert gate.offer([job("a", turns=2) for _ in range(5)]) == {LANE: 2}


def test_a_long_backlog_owes_a_bounded_number_of_permits(gate: TimedGate) -> None:
    assert gate.offer([job("a") for _ in range(200)]) == {LANE: CAP}
    assert gate.offer([job("b") for _ in range(200)]) == {}


def test_a_permit_that_is_used_up_is_replaced_while_jobs_wait(gate: TimedGate) -> None:
    gate.put("a", jobs=CAP + 1)
    assert gate.claim("w", [LANE], LEASE, permit=LANE).permits == {LANE: 1}
    assert gate.claim("w", [LANE], LEASE, permit=LANE).permits == {}


def test_a_permit_spent_on_another_lanes_job_is_replaced(gate: TimedGate) -> None:
    gate.put("a", LANE)
    gate.put("b", "ingest.pro")
    answered = gate.claim("w", [LANE, "ingest.pro"], LEASE, permit="ingest.pro")
    assert answered.lease is not None
    assert (answered.lease.lane, answered.permits) == (LANE, {"ingest.pro": 1})


def test_a_slot_that_goes_on_owes_no_permit_for_the_job_it_takes_itself(gate: TimedGate) -> None:
    gate.put("a", jobs=20, turns=1)
    lease = gate.claim("w", [LANE], LEASE, permit=LANE).lease
    for _ in range(10):
        assert lease is not None
        answered = gate.next(Ending(lease, 1.0), "w", [LANE], LEASE)
        lease = answered.lease
        assert answered.permits == {}


def test_a_slot_freed_in_one_lane_owes_a_permit_in_another(gate: TimedGate) -> None:
    gate.put("a", "ingest.pro", running=1)
    held = gate.taken("ingest.pro")
    assert gate.offer([job("a", running=1)]) == {}
    assert gate.release(Ending(held, 1.0)).permits == {LANE: 1}
    assert gate.taken(LANE).tenant == "a"


def test_a_permit_too_many_finds_nothing_and_harms_nothing(gate: TimedGate) -> None:
    for _ in range(5):
        answered = gate.claim("w", [LANE], LEASE, permit=LANE)
        assert (answered.lease, answered.permits) == (None, {})
    assert gate.offer([job("a")]) == {LANE: 1}


def test_lost_permits_are_sent_anew_at_the_second_sweep(gate: TimedGate) -> None:
    gate.put("a", jobs=20)
    assert repaired(gate, 2) == [0, 20]


def test_lost_permits_are_all_sent_anew_where_any_slot_is_free(gate: TimedGate) -> None:
    """All at once: what one sweep held back, whatever touches the lane next would send."""
    gate.put("a", jobs=60)
    gate.beat(slots=20)
    for _ in range(15):
        gate.taken()
    assert repaired(gate, 2) == [0, 45]
    gate.put("b")
    assert gate.claim("w", [LANE], LEASE, permit=LANE).permits == {}


def test_permits_are_not_sent_anew_while_no_slot_is_free(gate: TimedGate) -> None:
    gate.put("a", jobs=60)
    gate.beat(slots=20)
    for _ in range(20):
        gate.taken()
    assert repaired(gate, 5) == [0] * 5


def test_more_free_slots_than_permits_at_most_are_all_woken(gate: TimedGate) -> None:
    gate.put("a", jobs=3 * CAP)
    sent = []
    for _ in range(2):
        gate.pass_time(1)
        gate.beat(slots=2 * CAP)
        sent.append(gate.sweep("w").permits.get(LANE, 0))
    assert sent == [0, 2 * CAP]


def test_sweeps_that_come_in_quick_succession_do_not_take_permits_for_lost(gate: TimedGate) -> None:
    gate.put("a", jobs=20)
    gate.beat(slots=20)
    for _ in range(50):
        gate.pass_time(0.01)
        assert gate.sweep("w").permits == {}


def test_a_repair_that_changes_nothing_is_repeated_ever_more_rarely(gate: TimedGate) -> None:
    gate.put("a", jobs=20)
    sweeps = [number for number, sent in enumerate(repaired(gate, 200)) if sent]
    pauses = [later - sooner for sooner, later in pairwise(sweeps)]
    assert pauses[:5] == sorted(pauses[:5])
    assert pauses[-1] == pytest.approx(32, abs=4)


def test_a_permit_that_arrives_makes_repairs_quick_again(gate: TimedGate) -> None:
    gate.put("a", jobs=20)
    repaired(gate, 40)
    gate.claim("w", [LANE], LEASE, permit=LANE)
    assert sum(repaired(gate, 2)) == 19


def test_a_worker_that_fell_silent_has_no_free_slots(gate: TimedGate) -> None:
    gate.put("a", jobs=20)
    gate.beat(slots=20)
    gate.pass_time(LEASE + 1)
    assert [gate.sweep("other").permits for _ in range(3)] == [{}, {}, {}]


def test_jobs_taken_before_the_first_heartbeat_count_as_running(gate: TimedGate) -> None:
    gate.put("a", jobs=60)
    early = [gate.taken() for _ in range(20)]
    assert repaired(gate, 3) == [0, 0, 0]
    for lease in early:
        gate.next(Ending(lease, 1.0), "w", [LANE], LEASE)
    assert repaired(gate, 3) == [0, 0, 0]


def test_jobs_taken_in_by_a_rebuild_count_as_running_once_their_worker_shows_itself(gate: TimedGate) -> None:
    running = [(job("a"), 7), (job("a"), 8)]
    gate.adopt([(offer, token, False) for offer, token in running], LEASE, epoch=1)
    gate.put("a", jobs=5)
    leases = [lease_of(offer, token) for offer, token in running]
    for _ in range(3):
        gate.pass_time(1)
        gate.renew("w", leases, LEASE, slots=2, lanes=[LANE])
        assert gate.sweep("w").permits == {}


def test_hoarded_permits_keep_no_slot_from_work(gate: TimedGate) -> None:
    assert gate.offer([job("a") for _ in range(3)]) == {LANE: 3}
    gate.beat(slots=3, worker="awake")
    sent = 0
    for _ in range(2):  # the three permits lie in the hands of a worker that does not use them
        gate.pass_time(1)
        sent += gate.sweep("awake").permits.get(LANE, 0)
    assert sent == 3
    assert [gate.take(worker="awake", permit=LANE) is not None for _ in range(3)] == [True] * 3
    assert [gate.take(worker="hoarder", permit=LANE) for _ in range(3)] == [None] * 3
    assert gate.offer([job("a")]) == {LANE: 1}


def test_a_raised_limit_owes_permits_at_once(gate: TimedGate) -> None:
    gate.put("a", jobs=10, turns=2)
    assert gate.configure(configuration("a", version=2, turns=6)) == {LANE: 4}

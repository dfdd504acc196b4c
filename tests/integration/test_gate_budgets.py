"""Budgets at the gate: what is drawn and held never exceeds a hard one, and a job waits for room without asking."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from shared.embedded import Servers
from shared.gate.values import Draw, Ending, Hold, Lease, Reserved
from tests.support.gates import DAWN, LEASE, TimedGate, configuration, job, need, timed_gate

HUNDRED = {"tokens_hour": {"limit": 100}}
HOUR = "h2026-11-22T00"


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def running(gate: TimedGate, budgets: dict[str, Any], tenant: str = "a") -> Lease:
    gate.put(tenant, budgets=budgets)
    return gate.taken()


def reserve(gate: TimedGate, lease: Lease, call: str, tokens: int, nanos: int = 0) -> Reserved:
    return gate.reserve(Hold(call, lease, need(tokens, nanos, gate.now)))


def back(gate: TimedGate, lease: Lease, tokens: int) -> None:
    """Hand a job back that needs room for so many tokens."""
    gate.release(Ending(lease, 0.0, "back", need=need(tokens, at=gate.now)))


def test_what_fits_is_held_and_what_does_not_fit_is_refused_with_the_reason(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    assert reserve(gate, lease, "one", 60).shortage is None
    short = reserve(gate, lease, "two", 60).shortage
    assert short is not None
    assert (short.budget, short.limit, short.left, short.need) == ("tokens_hour", 100, 40, 60)
    assert (short.seconds, short.never, short.over) == (3600, False, "wait")
    assert gate.drawn("a")[HOUR] == {"tokens": 0, "held_tokens": 60, "nanos": 0, "held_nanos": 0}


def test_a_settled_call_leaves_what_it_drew(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    reserve(gate, lease, "one", 60)
    gate.settle([("one", Draw(10, 3)), ("unknown", Draw(99, 99))])
    gate.settle([("one", Draw(10, 3))])
    assert gate.drawn("a")[HOUR] == {"tokens": 10, "held_tokens": 0, "nanos": 3, "held_nanos": 0}
    assert reserve(gate, lease, "two", 90).shortage is None


def test_a_repeated_reservation_holds_once(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    for _ in range(3):
        assert reserve(gate, lease, "one", 60).shortage is None
    assert gate.drawn("a")[HOUR]["held_tokens"] == 60


def test_a_reservation_without_a_lease_holds_nothing(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    gate.end(lease)
    assert not reserve(gate, lease, "one", 60).held
    assert gate.drawn("a") == {}


def test_a_need_above_the_whole_limit_will_never_find_room(gate: TimedGate) -> None:
    short = reserve(gate, running(gate, HUNDRED), "one", 101).shortage
    assert short is not None
    assert short.never


def test_a_soft_budget_lets_calls_pass_and_counts_them(gate: TimedGate) -> None:
    lease = running(gate, {"tokens_hour": {"limit": 100, "hard": False}})
    assert reserve(gate, lease, "one", 500).shortage is None
    assert gate.drawn("a")[HOUR]["held_tokens"] == 500


def test_money_is_exact_to_the_nano_dollar(gate: TimedGate) -> None:
    limit = 2_000_000_000_000_001
    lease = running(gate, {"usd_month": {"limit": limit}})
    assert reserve(gate, lease, "one", 1, limit - 1).shortage is None
    short = reserve(gate, lease, "two", 1, 2).shortage
    assert short is not None
    assert (short.limit, short.left, short.need) == (limit, 1, 2)
    assert reserve(gate, lease, "three", 1, 1).shortage is None


def test_a_call_on_the_tenants_own_key_draws_no_money(gate: TimedGate) -> None:
    lease = running(gate, {"usd_day": {"limit": 0}})
    assert reserve(gate, lease, "one", 50, 0).shortage is None
    assert reserve(gate, lease, "two", 50, 1).shortage is not None


def test_a_job_that_found_no_room_waits_until_a_settlement_makes_some(gate: TimedGate) -> None:
    first, second = (running(gate, HUNDRED) for _ in range(2))
    reserve(gate, first, "one", 80)
    back(gate, second, 60)
    assert gate.take() is None
    assert gate.settle([("one", Draw(50, 0))]) == {}
    assert gate.settle([("one", Draw(50, 0))]) == {}
    assert gate.take() is None
    gate.configure(configuration("a", version=2, budgets={"tokens_hour": {"limit": 110}}))
    assert gate.taken().job == second.job


@pytest.mark.parametrize("lost", [False, True])
def test_what_a_run_leaves_to_settle_makes_room_for_the_next_in_the_same_trip(
    gate: TimedGate, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    first, second = (running(gate, HUNDRED) for _ in range(2))
    reserve(gate, first, "one", 80)
    back(gate, second, 60)
    if lost:
        gate.end(first)
    with monkeypatch.context() as patched:
        patched.delattr(Redis, "execute_command")  # which makes a trip for one operation; a pipeline has its own
        answered = gate.next(Ending(first, 5.0, draws=[("one", Draw(10, 3))]), "w", ["turns.pro"], LEASE)
    assert answered.held is not lost
    assert answered.lease is not None
    assert answered.lease.job == second.job
    assert gate.drawn("a")[HOUR] == {"tokens": 10, "held_tokens": 0, "nanos": 3, "held_nanos": 0}


def test_a_job_that_found_no_room_waits_for_the_next_window_and_the_sweep_wakes_then(gate: TimedGate) -> None:
    gate.pass_time(3599)
    first, second = (running(gate, HUNDRED) for _ in range(2))
    reserve(gate, first, "one", 80)
    back(gate, second, 60)
    assert gate.take() is None
    assert gate.sweep("w").fields["wake"] == 1000
    gate.pass_time(1)
    gate.sweep("w")
    assert gate.taken().job == second.job


def test_other_lanes_of_a_tenant_go_on_while_one_waits_for_room(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    reserve(gate, lease, "one", 80)
    back(gate, lease, 60)
    gate.put("a", "ingest.pro", budgets=HUNDRED)
    assert gate.taken("turns.pro", "ingest.pro").lane == "ingest.pro"


def test_a_job_is_let_through_when_its_need_passes_a_lowered_limit(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    reserve(gate, lease, "one", 80)
    back(gate, lease, 60)
    gate.configure(configuration("a", version=2, budgets={"tokens_hour": {"limit": 50}}))
    again = gate.taken()
    short = reserve(gate, again, "two", 60).shortage
    assert short is not None
    assert short.never


def test_a_blocked_lane_says_that_it_waits_for_a_budget_and_until_when(gate: TimedGate) -> None:
    lease = running(gate, HUNDRED)
    reserve(gate, lease, "one", 80)
    back(gate, lease, 60)
    (backlog,) = gate.look()["backlogs"]
    assert (backlog["stands"], backlog["reason"]) == ("blocked", "budget")
    assert backlog["until"] == (gate.now + timedelta(hours=1)).timestamp() * 1000


def test_windows_that_are_over_are_forgotten_once_nothing_is_held_in_them(gate: TimedGate) -> None:
    gate.put("a", budgets=HUNDRED)
    lease = gate.taken()
    for hour in range(6):
        gate.renew("w", [lease], LEASE, slots=1, lanes=["turns.pro"])
        assert reserve(gate, lease, f"call {hour}", 10).shortage is None
        if hour:
            gate.settle([(f"call {hour}", Draw(10, 0))])
        gate.pass_time(3600)
    hours = {name for name in gate.drawn("a") if name.startswith("h")}
    assert hours == {HOUR, "h2026-11-22T04", "h2026-11-22T05"}


def test_a_rebuilt_gate_holds_what_was_held_and_remembers_what_was_drawn(gate: TimedGate) -> None:
    offer = job("a", budgets=HUNDRED)
    lease = Lease(offer.job, "a", "turns.pro", 7)
    windows = need(0).windows
    gate.remember([("a", {window.id: Draw(30, 5) for window in windows})], epoch=1)
    for _ in range(2):
        gate.hold([Hold("one", lease, need(50, 1))], epoch=1)
    gate.adopt([(offer, 7, False)], LEASE, epoch=1)
    assert gate.drawn("a")[HOUR] == {"tokens": 30, "held_tokens": 50, "nanos": 5, "held_nanos": 1}
    assert reserve(gate, lease, "two", 30).shortage is not None
    gate.settle([("one", Draw(40, 0))])
    assert reserve(gate, lease, "two", 30).shortage is None


def test_a_call_of_a_windows_last_moment_must_find_room_in_it(gate: TimedGate) -> None:
    gate.put("a", budgets={"tokens_hour": {"limit": 10}})
    lease = gate.taken()
    last = need(11, at=DAWN + timedelta(hours=1) - timedelta(microseconds=100))
    assert gate.reserve(Hold("c", lease, last)).shortage


def test_a_reservation_that_finds_more_jobs_allowed_owes_their_permits(gate: TimedGate) -> None:
    gate.put("a", budgets=HUNDRED, rate=60, burst=3)
    lease = gate.taken()
    gate.put("a", budgets=HUNDRED, rate=60, burst=3)
    back(gate, gate.taken(), 50)
    gate.put("a", jobs=3, budgets=HUNDRED, rate=60, burst=3)
    gate.pass_time(2)
    assert reserve(gate, lease, "c", 10).permits == {"turns.pro": 2}

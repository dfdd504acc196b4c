"""A gate whose clock was set back: what ends by the clock must not last longer by as much."""

from collections.abc import Iterator

import pytest

from shared.embedded import Servers
from shared.gate.gate import GateClosed
from tests.support.gates import LEASE, TimedGate, timed_gate

HOUR = 3600.0


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def test_a_gate_whose_clock_was_set_back_is_closed_by_its_sweep_until_it_is_rebuilt(gate: TimedGate) -> None:
    gate.put("acme", jobs=2)
    gate.taken()
    gate.sweep("w")
    gate.pass_time(-HOUR)
    assert gate.taken(), "a claim does not look back"
    with pytest.raises(GateClosed):
        gate.sweep("w")
    assert not gate.is_open()

    assert gate.open(2, gate.memory())
    (job,) = gate.put("acme")
    assert gate.taken().job == job
    gate.pass_time(LEASE)
    assert gate.sweep("w").fields["expired"] == 1


def test_a_clock_that_is_put_right_by_a_little_closes_no_gate(gate: TimedGate) -> None:
    gate.put("acme")
    gate.taken()
    gate.sweep("w")
    gate.pass_time(-5)
    assert gate.sweep("w").fields["expired"] == 0
    gate.pass_time(LEASE + 5)
    assert gate.sweep("w").fields["expired"] == 1


def test_a_clock_that_leaps_ahead_ends_leases_and_closes_no_gate(gate: TimedGate) -> None:
    gate.put("acme")
    lost = gate.taken()
    gate.sweep("w")
    gate.pass_time(HOUR)
    assert gate.sweep("w").fields["expired"] == 1
    assert gate.taken().token > lost.token

"""Looking at the gate: what each backlog holds, who is shown where there are many, and one tenant among them all."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.embedded import Servers
from shared.gate.view import Why, view
from tests.support.gates import TimedGate, timed_gate


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def test_a_backlog_tells_apart_what_waits_is_held_and_is_for_later(gate: TimedGate) -> None:
    gate.put("acme", jobs=2)
    gate.put("acme", jobs=3, key="case-17")
    gate.put("acme", due=gate.now + timedelta(minutes=1))
    gate.beat(4)
    gate.pass_time(2)
    (backlog,) = view(gate.look()).backlogs
    assert (backlog.waiting, backlog.held, backlog.delayed, backlog.oldest) == (3, 2, 1, 2000)
    assert (backlog.stands, backlog.reason, backlog.until) == ("ready", None, None)


def test_one_tenant_is_found_among_more_than_are_shown(gate: TimedGate) -> None:
    for number in range(5):
        gate.put(f"tenant-{number}")
    assert len(view(gate.look(2)).backlogs) == 2
    for number in range(5):
        assert [x.tenant for x in view(gate.look(1, tenant=f"tenant-{number}")).backlogs] == [f"tenant-{number}"]
    assert view(gate.look(tenant="nobody")).backlogs == []


def test_a_rate_says_until_when_it_holds_back(gate: TimedGate) -> None:
    gate.put("acme", jobs=2, rate=60)
    gate.beat(4)
    gate.taken()
    (backlog,) = view(gate.look()).backlogs
    assert (backlog.reason, backlog.until) == (Why.RATE, gate.now + timedelta(seconds=1))


def test_every_word_of_the_gate_for_what_holds_back_is_known(gate: TimedGate) -> None:
    gate.put("closed", is_open=False)
    gate.put("limit", turns=0)
    gate.put("paused", paused=True)
    reasons = {backlog.tenant: backlog.reason for backlog in view(gate.look()).backlogs}
    assert reasons == {"closed": Why.SUSPENDED, "limit": Why.LIMIT, "paused": Why.PAUSED}

"""Each call is timed, by how it ended."""

from collections.abc import Callable
from contextlib import suppress
from math import inf

import pytest
from prometheus_client import REGISTRY

from tests.support.balky import Behaviour, balky, leaving, whole
from tests.support.calling import called, provider
from workers.calls import CallFailed, CallLost
from workers.interruption import Interrupted, Interruption


def times(outcome: str) -> float:
    """How many calls were timed that ended so."""
    return REGISTRY.get_sample_value("headgate_llm_request_seconds_count", {"model": "m", "outcome": outcome}) or 0.0


def may_not() -> float:
    raise Interrupted(Interruption.STOPPING)


@pytest.mark.parametrize(
    ("outcome", "behave", "calls_until"),
    [("answered", whole, lambda: inf), ("lost", leaving, lambda: inf), ("stopped", whole, may_not)],
)
def test_a_call_is_timed_by_how_it_ended(outcome: str, behave: Behaviour, calls_until: Callable[[], float]) -> None:
    before = times(outcome)
    with balky(behave) as there, suppress(CallLost, Interrupted):
        called(provider(there.port, calls_until))
    assert times(outcome) == before + 1


def test_a_call_that_reaches_nobody_is_timed_as_failed() -> None:
    before = times("failed")
    with pytest.raises(CallFailed, match="refused"):
        called(provider(1))
    assert times("failed") == before + 1

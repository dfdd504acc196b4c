"""A call takes no longer than it may, and ends as soon as its run must, whatever the provider does meanwhile."""

import time
from math import inf

import pytest

from tests.support.balky import Behaviour, balky, deaf, dripping, dripping_headers, full, half, silent, whole
from tests.support.calling import LONG, SOON, OverOnce, called, ending, provider
from workers.calls import CallFailed, CallLost
from workers.interruption import Interrupted, Interruption
from workers.network import bounds

#: Seconds that some calls may take: a little while only.
LIMIT = 0.3

#: More than sockets keep for a peer that does not read.
HUGE = "x" * 6_000_000

BALKS = [silent, dripping_headers, dripping, half]


@pytest.mark.parametrize("behave", BALKS)
def test_a_call_is_lost_when_its_time_is_over_and_its_connection_is_closed(
    behave: Behaviour, over_once: OverOnce
) -> None:
    with balky(behave) as there:
        over_once(there)
        made = provider(there.port)
        with ending(CallLost, "no whole answer within 60"):
            called(made)
        assert there.left.wait(SOON)


def test_a_call_whose_request_is_not_taken_is_lost_when_its_time_is_over(over_once: OverOnce) -> None:
    with balky(deaf) as there:
        over_once(there)
        made = provider(there.port)
        with ending(CallLost, "no whole answer within 60"):
            called(made, HUGE)


def test_a_call_that_finds_no_connection_has_failed_when_its_time_is_over() -> None:
    with full() as port:
        made = provider(port)
        with ending(CallFailed, "cannot be reached"):
            called(made, timeout=LIMIT)


@pytest.mark.parametrize("behave", BALKS)
def test_a_call_ends_within_a_slice_once_its_run_may_not_go_on(behave: Behaviour) -> None:
    with balky(behave) as there:
        made = provider(there.port, there.calls_until)
        with ending(Interrupted) as stopped:
            called(made)
        assert there.left.wait(SOON)
    assert (stopped.value.why, stopped.value.sent) == (Interruption.CANCELLED, True)


@pytest.mark.parametrize("behave", BALKS)
def test_a_call_ends_at_the_moment_that_its_guard_names(monkeypatch: pytest.MonkeyPatch, behave: Behaviour) -> None:
    """Not a slice later: the lease may be over by then."""
    monkeypatch.setattr(bounds, "SLICE", LONG)
    with balky(behave) as there:
        moments: list[float] = []

        def calls_until() -> float:
            if time.monotonic() >= moments[0]:
                raise Interrupted(Interruption.LOST)
            return moments[0]

        made = provider(there.port, calls_until)
        moments.append(time.monotonic() + LIMIT)
        with ending(Interrupted):
            called(made)


def test_a_call_that_is_ended_before_it_was_sent_is_not_said_to_have_been() -> None:
    answers = iter([inf])

    def calls_until() -> float:
        try:
            return next(answers)
        except StopIteration:
            raise Interrupted(Interruption.STOPPING) from None

    with full() as port:
        made = provider(port, calls_until)
        with ending(Interrupted) as stopped:
            called(made)
    assert not stopped.value.sent


def test_nothing_is_sent_on_a_kept_connection_once_the_run_may_not_go_on() -> None:
    over = False

    def calls_until() -> float:
        if over:
            raise Interrupted(Interruption.LOST)
        return inf

    with balky(whole) as there:
        made = provider(there.port, calls_until)
        assert called(made).outcome["content"] == "hello"
        over = True
        with ending(Interrupted) as stopped:
            called(made)
    assert not stopped.value.sent

"""A call takes no longer than it may, and ends as soon as its run must, whatever the provider does meanwhile."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest

from shared.settings import Settings
from tests.support.balky import (
    CERTIFICATE,
    Balky,
    Behaviour,
    balky,
    by_tls,
    deaf,
    dripping,
    dripping_headers,
    full,
    half,
    silent,
    tunnel_to,
    whole,
)
from workers.interruption import Interrupted, Interruption
from workers.models import bounds
from workers.models.chat import ChatRequest, chat_call
from workers.models.clients import Clients
from workers.models.provider import Provider
from workers.steps import CallFailed, CallLost, Reply

#: Seconds that a call here may take: some a little while only.
LONG, LIMIT = 60.0, 0.3

#: Seconds after its bound at which a call has surely ended, on a busy machine; without a bound it would take long.
SOON = 3.0

#: More than sockets keep for a peer that does not read.
HUGE = "x" * 6_000_000

BALKS = [silent, dripping_headers, dripping, half]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates that are trusted; no proxy that this machine may name."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def provider(port: int, guard: Callable[[], float] = lambda: inf, *, scheme: str = "http") -> Provider:
    told: dict[str, Any] = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{scheme}://localhost:{port}/v1"}
    clients = Clients(Settings(**told))
    assert clients.openai.max_retries == 0
    return Provider(clients, guard)


def called(made: Provider, words: str = "hello", *, timeout: float = LONG) -> Reply:
    request = ChatRequest("m", [{"role": "user", "content": words}], 0.0, 10, [])
    return chat_call(made, request, timeout=timeout).make("call")


@contextmanager
def ending(error: type[Exception], saying: str | None = None) -> Iterator[Any]:
    """The call ends with this error, soon after a slice at most."""
    began = time.monotonic()
    with pytest.raises(error, match=saying) as raised:
        yield raised
    assert time.monotonic() - began < bounds.SLICE + SOON


@pytest.fixture
def over_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Balky], None]:
    """The time of a call is over as soon as this provider has heard of it."""

    def arrange(there: Balky) -> None:
        monkeypatch.setattr(bounds, "monotonic", lambda: time.monotonic() + LONG * there.asked.is_set())

    return arrange


OverOnce = Callable[[Balky], None]


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

        def guard() -> float:
            if there.asked.is_set():
                raise Interrupted(Interruption.CANCELLED)
            return inf

        made = provider(there.port, guard)
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

        def guard() -> float:
            if time.monotonic() >= moments[0]:
                raise Interrupted(Interruption.LOST)
            return moments[0]

        made = provider(there.port, guard)
        moments.append(time.monotonic() + LIMIT)
        with ending(Interrupted):
            called(made)


def test_a_call_that_is_ended_before_it_was_sent_is_not_said_to_have_been() -> None:
    answers = iter([inf])

    def guard() -> float:
        try:
            return next(answers)
        except StopIteration:
            raise Interrupted(Interruption.STOPPING) from None

    with full() as port:
        made = provider(port, guard)
        with ending(Interrupted) as stopped:
            called(made)
    assert not stopped.value.sent


def test_a_call_by_tls_that_is_answered_is_heard_and_its_connection_is_kept() -> None:
    with balky(by_tls(whole)) as there:
        made = provider(there.port, scheme="https")
        for _ in range(3):
            assert called(made).outcome["content"] == "hello"
        assert not there.left.is_set()


@pytest.mark.parametrize("behave", [dripping_headers, dripping, half])
def test_a_call_by_tls_is_lost_when_its_time_is_over(behave: Behaviour, over_once: OverOnce) -> None:
    with balky(by_tls(behave)) as there:
        over_once(there)
        made = provider(there.port, scheme="https")
        with ending(CallLost, "no whole answer within 60"):
            called(made)
        assert there.left.wait(SOON)


def test_a_call_that_is_not_greeted_by_tls_has_failed_when_its_time_is_over(over_once: OverOnce) -> None:
    with balky(silent) as there:
        over_once(there)
        made = provider(there.port, scheme="https")
        with ending(CallFailed, "cannot be reached"):
            called(made)


def test_a_provider_whose_certificate_nobody_signed_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with balky(by_tls(whole)) as there, pytest.raises(CallFailed, match="CERTIFICATE_VERIFY_FAILED"):
        called(provider(there.port, scheme="https"))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_call_by_way_of_a_proxy_is_bounded_as_any(
    monkeypatch: pytest.MonkeyPatch, over_once: OverOnce, *, sealed: bool
) -> None:
    """Where the way to the proxy is sealed too, TLS is carried within TLS."""
    with balky(by_tls(dripping)) as there:
        over_once(there)
        way = tunnel_to(there.port)
        with balky(by_tls(way) if sealed else way) as proxy:
            monkeypatch.setenv("https_proxy", f"{'https' if sealed else 'http'}://localhost:{proxy.port}")
            made = provider(1, scheme="https")
            with ending(CallLost, "no whole answer within 60"):
                called(made)
        assert there.asked.is_set()

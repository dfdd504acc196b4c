"""Calls by TLS and by way of proxies: heard where they are answered, and bounded as any."""

import pytest

from tests.support.balky import Behaviour, balky, by_tls, dripping, dripping_headers, half, silent, tunnel_to, whole
from tests.support.calling import SOON, OverOnce, called, ending, provider
from workers.calls import CallFailed, CallLost


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

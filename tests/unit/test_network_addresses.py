"""Where an endpoint may be, and how its host may be written."""

import socket
import threading
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.network.addresses import NOT_PUBLIC_4, NotAllowed, is_public, may_be_reached
from workers.network.bounds import Overdue, bounded
from workers.network.hosts import CheckedBackend, checked, is_host, looked_up
from workers.network.wire import AddressInfo

PUBLIC = ["93.184.216.34", "1.1.1.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "64:ff9b::5db8:d822"]

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.31.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:93.184.216.34",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "100::1",
    "2001::1",
    "2001:0:a9fe:a9fe::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::1",
    "2606:4700::5efe:a9fe:a9fe",
    "2606:4700::200:5efe:a9fe:a9fe",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_may_be_reached(address: str) -> None:
    assert may_be_reached(address, ())


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_surely_public_may_not_be_reached(address: str) -> None:
    assert not may_be_reached(address, ())


@given(st.sampled_from(NOT_PUBLIC_4), st.data(), st.sampled_from(["", "::ffff:", "::", "64:ff9b::", "64:ff9b:1::"]))
def test_no_spelling_of_a_private_address_is_public(network: IPv4Network, data: st.DataObject, prefix: str) -> None:
    address = data.draw(st.ip_addresses(network=network))
    assert not is_public(ip_address(f"{prefix}{address}"))


@pytest.mark.parametrize("address", ["10.2.3.4", "fd00::5"])
def test_a_network_that_the_operator_named_may_be_reached_and_no_other(address: str) -> None:
    allowed = (IPv4Network("10.2.0.0/16"), IPv6Network("fd00::/8"))
    assert may_be_reached(address, allowed)
    assert not may_be_reached("10.3.0.1", allowed)
    assert not may_be_reached("::ffff:10.2.3.4", allowed)


@pytest.mark.parametrize("host", ["example.com", "a_b.example", "xn--bcher-kva.ch", "localhost", "127.0.0.1", "::1"])
def test_a_host_is_a_name_or_a_strict_address(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.1",
        "127.0.1",
        "1.2.3.4.5",
        "0",
        "a.0x",
        "a.09",
        "example.com.",
        "127.0.0.1.",
        "a..b",
        ".a",
        "-a.b",
        "bücher.ch",
        "①②⑦.⓪.⓪.①",
        "fe80::1%eth0",
        "[::1]",
        "a@b",
        "a:b",
        "a/b",
        "a\\b",
    ],
)
def test_a_host_that_readers_may_read_differently_is_none(host: str) -> None:
    assert not is_host(host)


@pytest.mark.parametrize("host", ["", "a\n", " a", "a b", "a" * 64, ".".join(["a" * 60] * 5)])
def test_a_host_that_no_resolver_should_see_is_none(host: str) -> None:
    assert not is_host(host)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """From now on hosts are at these addresses, one answer after the other; answers the list of what was looked up."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[AddressInfo]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in one], socket.SOCK_STREAM, 6, "", (one, port, 0, 0)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_one_bad_address_of_a_host_speaks_against_all(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["93.184.216.34", "127.0.0.1"])
    with bounded(5, lambda: inf), pytest.raises(NotAllowed, match="not public"):
        CheckedBackend(()).addresses("api.example.com", 443)


def test_an_address_that_holds_on_one_link_alone_is_not_public() -> None:
    address = ("2606:4700::1111", 443, 0, 2)
    with pytest.raises(NotAllowed, match="not public"):
        checked("api.example.com", [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", address)], ())


def test_what_is_no_host_is_not_even_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["93.184.216.34"])
    with bounded(5, lambda: inf), pytest.raises(NotAllowed, match="is no host"):
        CheckedBackend(()).addresses("2130706433", 80)
    assert asked == []


def test_a_resolver_that_does_not_answer_holds_nobody_longer_than_the_call_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    hanging: Callable[..., object] = lambda *_, **__: over.wait(30) and []  # noqa: E731
    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    with bounded(0.1, lambda: inf), pytest.raises(Exception, match=r"no whole answer within 0\.1 seconds"):
        CheckedBackend(()).addresses("slow.example", 80)
    over.set()


def test_a_host_for_which_there_was_no_thread_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolving(monkeypatch, ["93.184.216.34"])
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(OSError, match="new thread"):
            looked_up("busy.example", 80).result(5)
    assert looked_up("busy.example", 80).result(5)


def test_a_host_that_nobody_answers_for_holds_one_thread_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over, asked = threading.Event(), list[str]()

    def hanging(host: str, port: int, **_: object) -> list[AddressInfo]:
        asked.append(host)
        over.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    for _ in range(20):
        with bounded(0.01, lambda: inf), pytest.raises(Overdue):
            CheckedBackend(()).addresses("hangs.example", 80)
    assert asked == ["hangs.example"]
    waiting = looked_up("hangs.example", 80)
    over.set()
    assert waiting.result(5)
    assert looked_up("hangs.example", 80).result(5)
    assert len(asked) == 2, "an answer was given to who asked after it"

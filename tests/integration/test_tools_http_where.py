"""`http_request` goes where a tenant declared, whatever the model, a name's owner or an answer says."""

import socket
from collections.abc import Callable

import pytest

from tests.support.balky import CERTIFICATE, balky, by_tls, whole
from tests.support.outsider import SECRET, Heard, Says, asked, outsider, tool
from workers.network.client import tls
from workers.turns.tools.tool import ToolFailed, ToolRefused

METADATA = "http://169.254.169.254/latest/meta-data/"


def leading(location: str, status: int = 302) -> Callable[[Heard], Says]:
    """An answer that leads there, until one is asked for below `/there`."""
    return lambda heard: Says() if heard.target.startswith("/there") else Says(b"", status, {"location": location})


def at(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Whatever host is asked for is at the first address, the next time at the next; answers what was asked for."""
    hosts: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        hosts.append(host)
        address = addresses[min(len(hosts), len(addresses)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return hosts


@pytest.mark.parametrize(
    "url",
    [
        METADATA,
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://0251.0376.0251.0376/",
        "http://0xa9fea9fe/",
        "http://169.254.43518/",
        "http://100.100.100.200/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://10.0.0.1/",
        "http://[::1]/",
    ],
)
def test_an_endpoint_that_is_not_public_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(ToolRefused, match="not public"):
        asked(tool(url))


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "169.254.169.254")
    with pytest.raises(ToolRefused, match="not public"):
        asked(tool("http://innocent.example/"))


def test_a_host_is_looked_up_once_and_what_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with outsider() as there, outsider(address="127.0.0.2", port=there.port) as trap:
        hosts = at(monkeypatch, "127.0.0.1", "127.0.0.2")
        asked(tool(f"http://rebinding.example:{there.port}/"))
    assert hosts == ["rebinding.example"]
    assert there.heard[0].headers["host"] == f"rebinding.example:{there.port}"
    assert trap.heard == []


def test_a_host_that_has_moved_inside_is_refused_at_the_next_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    with outsider(leading("/there")) as there:
        at(monkeypatch, "127.0.0.1", "10.0.0.1")
        with pytest.raises(ToolRefused, match="not public"):
            asked(tool(f"http://rebinding.example:{there.port}/"))
        assert len(there.heard) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        METADATA,
        "http://undeclared.example/",
        "//169.254.169.254/",
        "/v2/x",
        "/v1/%2e%2e/x",
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/v1/",
        "https://127.0.0.1/v1/",
        "http://[",
        "/v1/\\x",
    ],
)
def test_an_answer_that_leads_to_what_is_not_declared_is_not_followed(location: str, status: int) -> None:
    with outsider(leading(location, status)) as there:
        with pytest.raises(ToolRefused, match="leads to"):
            asked(tool(f"{there.url}/v1"), method="POST", body={})
        assert len(there.heard) == 1


def test_an_endpoint_that_leads_to_metadata_that_was_declared_is_refused_all_the_same() -> None:
    with outsider(leading(METADATA)) as there, pytest.raises(ToolRefused, match="not public"):
        asked(tool(there.url, METADATA))


def test_an_answer_is_followed_three_times() -> None:
    with outsider(lambda heard: Says(b"", 302, {"location": f"{heard.target}x"})) as there:
        with pytest.raises(ToolFailed, match="more than 3 redirects"):
            asked(tool(there.url))
        assert [heard.target for heard in there.heard] == ["/", "/x", "/xx", "/xxx"]


def test_what_is_the_endpoints_own_is_not_sent_where_its_answer_leads() -> None:
    with outsider() as other, outsider(leading(f"{other.url}/there", 307)) as there:
        made = tool(there.url, other.url, credential="key", headers={"X-Own": "1"})
        asked(made, method="POST", body={"n": 1})
    assert there.heard[0].headers["authorization"] == f"Bearer {SECRET}"
    (heard,) = other.heard
    assert (heard.method, heard.body) == ("POST", b'{"n":1}')
    assert not {"authorization", "x-own"} & heard.headers.keys()


def test_what_is_the_endpoints_own_is_sent_on_below_it() -> None:
    with outsider(leading("/there/x")) as there:
        asked(tool(there.url, credential="key"))
    assert [heard.headers["authorization"] for heard in there.heard] == [f"Bearer {SECRET}"] * 2


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirect_keeps_the_method_or_only_reads(status: int, method: str) -> None:
    with outsider(leading("/there", status)) as there:
        asked(tool(there.url), method="POST", body={"n": 1})
    heard = there.heard[1]
    assert (heard.method, bool(heard.body), "idempotency-key" in heard.headers) == (method, *[method == "POST"] * 2)


def test_no_proxy_that_the_machine_names_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with outsider() as there, outsider() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        asked(tool(there.url))
    assert (len(there.heard), proxy.heard) == (1, [])


@pytest.mark.parametrize(("host", "fits"), [("localhost", True), ("other.example", False)])
def test_a_certificate_must_be_the_hosts_own(monkeypatch: pytest.MonkeyPatch, host: str, *, fits: bool) -> None:
    """Though the connection is made to an address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls.cache_clear()
    at(monkeypatch, "127.0.0.1")
    with balky(by_tls(whole)) as there:
        made = tool(f"https://{host}:{there.port}/")
        if fits:
            assert asked(made)["status"] == 200
        else:
            with pytest.raises(ToolFailed, match="certificate"):
                asked(made)
    tls.cache_clear()

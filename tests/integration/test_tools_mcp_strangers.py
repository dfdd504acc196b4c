"""An MCP server is a stranger: what it may offer, where it may lead, how long it may take, and what of it is shown."""

import json
from typing import Any

import pytest

from tests.support.balky import CERTIFICATE, Behaviour, balky, by_tls, dripping, dripping_headers, silent, whole
from tests.support.calling import ending
from tests.support.mcp_servers import ANYTHING, done, listed, offered, saying, scripted, server, unlisted
from tests.support.outsider import SECRET, Heard, Says, outsider
from workers.interruption import Interrupted
from workers.network.client import tls
from workers.network.mcp import MOST_SAID
from workers.network.transport import MOST
from workers.turns.tools.mcp import listings
from workers.turns.tools.tool import ToolFailed, ToolRefused


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    listings.forget()


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = dict(ANYTHING)
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_what_a_model_cannot_be_offered_is_left_out_and_the_rest_is_not() -> None:
    tools = [
        listed("fine", description="x" * 100_000),
        listed("no name of a tool"),
        listed("n" * 70),
        listed("fine"),
        listed("long", {"type": "object", "title": "x" * 20_000}),
        listed("deep", deep(30)),
        listed("no_schema", {"type": "object", "properties": {"a": {"type": 7}}}),
        listed("huge", {"type": "object", "maxProperties": 10**30}),
        listed("headers", {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "Host"}}}),
    ]
    with outsider(scripted(tools)) as there:
        offers = server(there.url).listing().offers
    (offer,) = offers.offered
    assert (offer.name, len(offer.description)) == ("crm__fine", 1024)
    left_out = {"no name of a tool": "not a name", "n" * 64: "not a name", "fine": "another has its name"}
    left_out |= {
        "long": "longer than",
        "deep": "deeper than",
        "huge": "64-bit",
        "no_schema": "schema is none",
        "headers": "as headers",
    }
    assert offers.left_out.keys() == left_out.keys()
    assert all(why in offers.left_out[name] for name, why in left_out.items())


def test_a_server_of_a_thousand_tools_offers_some() -> None:
    with outsider(scripted([listed(f"t{number}") for number in range(1000)])) as there:
        assert len(offered(there.url)) == 64


def test_a_listing_without_end_ends() -> None:
    pages = [{"tools": [listed("look")], "nextCursor": "again"}]

    def endless(heard: Heard) -> Says:
        if b"tools/list" not in heard.body:
            return scripted([])(heard)
        number = json.loads(heard.body)["id"]
        return Says(json.dumps({"jsonrpc": "2.0", "id": number, "result": pages[0]}).encode())

    with outsider(endless) as there:
        assert list(offered(there.url)) == ["crm__look"]


def test_a_credential_that_comes_back_is_not_shown_by_a_tool_nor_by_its_name() -> None:
    def echo(heard: Heard, _: Any) -> dict[str, Any]:
        return saying(heard.headers["authorization"], is_error="fail" in heard.body.decode())

    tools = [listed("echo", description=SECRET), listed(SECRET), listed("fail")]
    with outsider(scripted(tools, echo)) as there:
        found = offered(there.url, credential="key")
        assert found["crm__echo"].description == "[credential]"
        assert done(found["crm__echo"]) == {"text": "Bearer [credential]"}
        with pytest.raises(ToolFailed, match=r"Bearer \[credential\]"):
            done(found["crm__fail"])


def test_a_credential_that_an_error_would_be_cut_in_is_not_shown_in_part() -> None:
    def refusing(heard: Heard, _: Any) -> Says:
        error = {"code": -32000, "message": "x" * (MOST_SAID - 60) + heard.headers["authorization"] + "y" * MOST_SAID}
        return Says(json.dumps({"jsonrpc": "2.0", "id": json.loads(heard.body)["id"], "error": error}).encode())

    with outsider(scripted([listed("look")], refusing)) as there:
        tool = offered(there.url, credential="key")["crm__look"]
        with pytest.raises(ToolFailed) as failed:
            done(tool)
        assert SECRET[:8] not in str(failed.value)


def test_a_credential_that_is_not_the_tenants_is_refused_and_nothing_is_sent() -> None:
    with outsider(scripted([listed("look")])) as there:
        assert offered(there.url, credential="globex-key") == {}
        assert there.heard == []


def test_a_server_that_wants_another_credential_is_said_to() -> None:
    """As one does that asks for OAuth, when what it issued has expired."""
    with outsider(lambda _: Says(b"{}", 401)) as there, pytest.raises(ToolFailed, match="401: it wants a credential"):
        done(unlisted(there.url))


def test_a_call_that_is_not_answered_as_agreed_has_failed() -> None:
    with outsider(scripted([listed("look")], lambda *_: {"what": "no result"})) as there:
        tool = offered(there.url)["crm__look"]
        with pytest.raises(ToolFailed, match="did not answer as MCP servers do"):
            done(tool)


def test_answers_that_are_too_long_are_not_read_to_their_end() -> None:
    with outsider(scripted([listed("look")], lambda *_: saying("x" * MOST))) as there:
        tool = offered(there.url)["crm__look"]
        with pytest.raises(ToolFailed, match="longer than"):
            done(tool)


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/", "/elsewhere", "https://127.0.0.1/mcp", "http://127.0.0.1:1/mcp"]
)
def test_an_answer_that_leads_elsewhere_is_not_followed(location: str) -> None:
    def leading(*_: Any) -> Says:
        return Says(b"", 307, {"location": location})

    with outsider(scripted([listed("look")], leading)) as there:
        tool = offered(f"{there.url}/mcp", credential="key")["crm__look"]
        with pytest.raises((ToolRefused, ToolFailed), match=r"leads to|not followed"):
            done(tool)
        assert {heard.target for heard in there.heard} == {"/mcp"}


def test_a_server_that_is_not_public_is_refused_though_it_was_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        hosts.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(hosts) == 1 else "169.254.169.254", port))]

    with outsider(scripted([listed("look")])) as there:
        monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
        tool = offered(f"http://rebinding.example:{there.port}/")["crm__look"]
        heard = len(there.heard)
        with pytest.raises(ToolRefused, match="not public"):
            done(tool)
        assert (hosts, len(there.heard)) == (["rebinding.example"] * 2, heard)


@pytest.mark.parametrize(("host", "told"), [("localhost", "did not answer as MCP"), ("other.example", "certificate")])
def test_a_certificate_must_be_the_hosts_own(monkeypatch: pytest.MonkeyPatch, host: str, told: str) -> None:
    """Though the connection is made to an address."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls.cache_clear()
    monkeypatch.setattr("socket.getaddrinfo", lambda _, port, **__: [(2, 1, 6, "", ("127.0.0.1", port))])
    with balky(by_tls(whole)) as there, pytest.raises(ToolFailed, match=told):
        done(unlisted(f"https://{host}:{there.port}/"))
    tls.cache_clear()


@pytest.mark.parametrize("behave", [silent, dripping, dripping_headers])
def test_a_server_that_drips_is_left_when_its_time_is_over(behave: Behaviour) -> None:
    with balky(behave) as there:
        tool = unlisted(f"http://127.0.0.1:{there.port}/")
        with ending(ToolFailed, "no whole answer within 0.3 seconds"):
            done(tool, seconds=0.3)
        assert there.left.wait(30)


def test_a_call_ends_where_its_run_may_not_go_on_and_is_cancelled() -> None:
    with balky(dripping) as there:
        with ending(Interrupted):
            done(unlisted(f"http://127.0.0.1:{there.port}/", calls_until=there.calls_until))
        assert there.left.wait(30)

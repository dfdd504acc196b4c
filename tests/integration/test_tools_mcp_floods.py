"""An MCP server that says more than anybody reads holds up nobody: not this process, and not itself."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from anyio import create_memory_object_stream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest

from tests.support.balky import Talk, balky
from tests.support.mcp_servers import done, listed, offered, saying, scripted, server, unlisted
from tests.support.outsider import Heard, Says, outsider
from workers.network.messages import Weighed
from workers.network.transport import MOST, REQUESTS
from workers.turns.tools.mcp import listings
from workers.turns.tools.tool import ToolFailed

#: Half a megabyte: of each the SDK would keep fifteen notes, 2.3 GB.
EMPTY: list[Any] = [{}] * 120_000


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    listings.forget()


def streamed(*messages: dict[str, Any]) -> Says:
    """Events, the older way of an answer."""
    told = b"".join(b"data: %s\n\n" % json.dumps({"jsonrpc": "2.0"} | message).encode() for message in messages)
    return Says(told, 200, {"content-type": "text/event-stream"})


@pytest.mark.parametrize("result", [{"content": EMPTY}, {"content": [], "structuredContent": {"a": [0] * 120_000}}])
def test_an_answer_of_too_many_values_is_not_looked_into(result: dict[str, Any]) -> None:
    with outsider(scripted([listed("look")], lambda *_: result)) as there:
        tool = offered(there.url)["crm__look"]
        with pytest.raises(ToolFailed, match="more values than anybody reads"):
            done(tool)


def test_a_listing_of_too_many_values_offers_nothing() -> None:
    with outsider(scripted(EMPTY)) as there, pytest.raises(Exception, match="more values than anybody reads"):
        server(there.url).listing()


def test_an_answer_of_many_plain_values_is_shown() -> None:
    told = {"content": [], "structuredContent": {"a": [0] * 5_000}}
    with outsider(scripted([listed("look")], lambda *_: told)) as there:
        assert done(offered(there.url)["crm__look"]) == {"structured": told["structuredContent"]}


def test_an_answer_that_is_packed_is_not_unpacked() -> None:
    """Half a megabyte unpacks to half a gigabyte."""

    def packed(heard: Heard, _: Any) -> Says:
        said = {"jsonrpc": "2.0", "id": json.loads(heard.body)["id"], "result": saying("done")}
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        return Says(gzip.compress(json.dumps(said).encode()), 200, headers)

    with outsider(scripted([listed("look")], packed)) as there:
        tool = offered(there.url)["crm__look"]
        with pytest.raises(ToolFailed, match="is packed, which was not asked for"):
            done(tool)


def test_what_a_server_asks_for_in_the_middle_of_a_call_changes_nothing() -> None:
    asked: dict[str, Any] = {"method": "sampling/createMessage", "params": {"messages": EMPTY[:10], "maxTokens": 9}}
    asks = [asked | {"id": 901}, {"method": "notifications/tools/list_changed"}, {"id": 902, "method": "ping"}]

    def answer(heard: Heard, _: Any) -> Says:
        return streamed(*asks, {"id": json.loads(heard.body)["id"], "result": saying("done")})

    def says(heard: Heard) -> Says:
        return scripted([listed("look")], answer)(heard) if b'"method"' in heard.body else Says(b"", 202)

    with outsider(says) as there:
        assert done(offered(there.url)["crm__look"]) == {"text": "done"}


def test_what_a_server_asks_for_at_too_great_a_length_is_not_passed_on() -> None:
    told: list[JSONRPCRequest | JSONRPCNotification] = [
        JSONRPCRequest(jsonrpc="2.0", id=901, method="sampling/createMessage", params={"messages": EMPTY}),
        JSONRPCNotification(jsonrpc="2.0", method="notifications/message", params={"_meta": {"a": EMPTY}}),
        JSONRPCRequest(jsonrpc="2.0", id=902, method="ping"),
    ]

    async def heard() -> list[Any]:
        sending, receiving = create_memory_object_stream[Any](len(told))
        for message in told:
            sending.send_nowait(SessionMessage(message))
        sending.close()
        async with Weighed(receiving) as weighed:
            return [said.message async for said in weighed if isinstance(said, SessionMessage)]

    assert asyncio.run(heard()) == told[2:]


def test_a_server_whose_answer_breaks_off_again_and_again_is_asked_so_often() -> None:
    off = Says(b"retry: 0\nid: 1\ndata: \n\n", 200, {"content-type": "text/event-stream"})
    say = scripted([listed("look")], lambda *_: off)
    with outsider(lambda heard: off if "last-event-id" in heard.headers else say(heard)) as there:
        tool, before = offered(there.url)["crm__look"], len(there.heard)
        with pytest.raises(ToolFailed, match="leads to more than"):
            done(tool)
        assert len(there.heard) - before <= REQUESTS


def interim(talk: Talk) -> None:
    """An answer is about to come, it says, as fast as it can."""
    talk.await_request()
    talk.end.settimeout(None)  # until its client has left
    while not talk.provider.over.is_set():
        talk.end.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def test_what_is_around_an_answer_is_bounded_too() -> None:
    with balky(interim) as there:
        with pytest.raises(ToolFailed, match=f"longer than {MOST:,} bytes"):
            done(unlisted(f"http://127.0.0.1:{there.port}/"))
        assert there.left.wait(30)


def test_schemas_of_thousands_of_parts_are_left_out_when_to_check_them_takes_too_long() -> None:
    """A second each, in which their turn could not be stopped."""
    parts = {"type": "object", "allOf": [{}] * 4_000}
    tools = [listed("fine"), *(listed(f"t{number}", parts) for number in range(10))]
    with outsider(scripted(tools)) as there:
        offers = server(there.url).listing().offers
    assert [offer.tool for offer in offers.offered] == ["fine"]
    assert set(offers.left_out.values()) == {"to check its schema takes too long"}


def test_the_schemas_of_a_server_are_bounded_together() -> None:
    long = {"type": "object", "title": "x" * 16_000}
    with outsider(scripted([listed(f"t{number}", long) for number in range(10)])) as there:
        offers = server(there.url).listing().offers
    assert len(offers.offered) == 8
    assert all("131,072 bytes together" in why for why in offers.left_out.values())

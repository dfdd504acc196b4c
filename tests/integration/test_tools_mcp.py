"""Tools of MCP servers that a tenant declared: what they offer, to whom, and what they do."""

import json
import os
import threading
import time
from collections.abc import Iterator
from math import inf
from typing import Any

import pytest
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import InputRequiredResult

from tests.support.balky import balky, silent
from tests.support.mcp_servers import by_the_sdk, done, listed, offered, saying, scripted
from tests.support.outsider import SECRET, Heard, Says, outsider
from workers.interruption import Interrupted, Interruption
from workers.network.background import background
from workers.turns.tools import mcp_listings as kept
from workers.turns.tools.mcp import listings
from workers.turns.tools.tool import ToolFailed


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    listings.forget()


@pytest.fixture(scope="module")
def sdk() -> Iterator[str]:
    """A server as the SDK makes them."""
    server = MCPServer("crm")

    @server.tool()
    def add(first: int, second: int, ctx: Context[Any, Any]) -> str:
        """Adds."""
        return f"{first + second} {ctx.request_context.meta}"

    @server.tool()
    def fail() -> str:
        raise ValueError("it is broken")

    @server.tool()
    def wants() -> InputRequiredResult:
        return InputRequiredResult(request_state="more")

    with by_the_sdk(server) as url:
        yield url


def test_a_server_of_the_sdks_is_asked_and_used(sdk: str) -> None:
    tools = offered(sdk)
    assert list(tools) == ["crm__add", "crm__fail", "crm__wants"]
    assert tools["crm__add"].description == "Adds."
    assert tools["crm__add"].parameters["required"] == ["first", "second"]
    answer = done(tools["crm__add"], first=1, second=2)
    assert answer["text"].startswith("3 ")
    assert "'headgate/idempotency-key': 'key-of-this-step'" in answer["text"]


def test_a_tool_that_fails_says_so_to_the_model(sdk: str) -> None:
    with pytest.raises(ToolFailed, match="Error executing tool fail"):
        done(offered(sdk)["crm__fail"])


def test_a_server_that_wants_to_ask_its_user_hears_that_there_is_nobody(sdk: str) -> None:
    """It is no answer, and must not look like an empty one."""
    with pytest.raises(ToolFailed, match="asks for more before it answers"):
        done(offered(sdk)["crm__wants"])


def test_an_older_server_is_asked_and_used_in_a_session_of_each_call() -> None:
    with outsider(scripted([listed("look")], lambda _, told: saying(json.dumps(told["arguments"])))) as there:
        tool = offered(f"{there.url}/mcp", credential="key", headers={"X-Tenant": "acme"})["crm__look"]
        before = len(there.heard)
        assert done(tool, word="hello") == {"text": '{"word": "hello"}'}
    assert {heard.headers["authorization"] for heard in there.heard} == {f"Bearer {SECRET}"}
    assert {heard.headers["x-tenant"] for heard in there.heard} == {"acme"}
    methods = [json.loads(heard.body)["method"] for heard in there.heard[before:]]
    assert methods == ["initialize", "notifications/initialized", "tools/call"]
    assert json.loads(there.heard[-1].body)["params"]["_meta"]["headgate/idempotency-key"] == "key-of-this-step"


def test_two_tenants_who_declare_the_same_name_see_only_their_own() -> None:
    with outsider(scripted([listed("ours")])) as acmes, outsider(scripted([listed("theirs")])) as globexes:
        assert list(offered(acmes.url, tenant="acme")) == ["crm__ours"]
        assert list(offered(globexes.url, tenant="globex")) == ["crm__theirs"]
        assert list(offered(acmes.url, tenant="acme")) == ["crm__ours"]


def test_two_tenants_of_one_server_are_asked_for_each() -> None:
    with outsider(scripted([listed("look")])) as there:
        offered(there.url, tenant="acme")
        before = len(there.heard)
        offered(there.url, tenant="globex")
        assert len(there.heard) > before


def test_a_listing_is_kept_until_it_is_old_or_something_else_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    with outsider(scripted([listed("look"), listed("see")])) as there:
        offered(there.url)
        asked = len(there.heard)
        offered(there.url)
        assert len(there.heard) == asked
        assert list(offered(there.url, tools=("see",))) == ["crm__see"]
        assert len(there.heard) == 2 * asked
        monkeypatch.setattr(kept, "monotonic", lambda: time.monotonic() + kept.FRESH + 1)
        offered(there.url)
        assert len(there.heard) == 3 * asked


def test_who_comes_while_a_server_is_asked_waits_for_that_answer() -> None:
    go, asked = threading.Event(), threading.Event()
    say = scripted([listed("look")])

    def slowly(heard: Heard) -> Says:
        asked.set()
        go.wait(10)
        return say(heard)

    found: list[list[str]] = []
    with outsider(slowly) as there:
        threads = [threading.Thread(target=lambda: found.append(list(offered(there.url)))) for _ in range(4)]
        threads[0].start()
        assert asked.wait(10)
        for thread in threads[1:]:
            thread.start()
        go.set()
        for thread in threads:
            thread.join()
        lists = [heard for heard in there.heard if b"tools/list" in heard.body]
    assert (found, len(lists)) == ([["crm__look"]] * 4, 1)


def test_who_waited_for_a_run_that_ended_asks_for_itself() -> None:
    """Else it would go without the tools of a server that is there."""
    asked, waits, go = threading.Event(), threading.Event(), threading.Event()
    say, found = scripted([listed("look")]), list[list[str]]()

    def slowly(heard: Heard) -> Says:
        asked.set()
        go.wait(10)
        return say(heard)

    def ends() -> float:
        if waits.is_set():
            raise Interrupted(Interruption.CANCELLED)
        return inf

    def goes_on() -> float:
        waits.set()
        return inf

    with outsider(slowly) as there:

        def first() -> None:
            with pytest.raises(Interrupted):
                offered(there.url, calls_until=ends)
            go.set()

        threads = [
            threading.Thread(target=first),
            threading.Thread(target=lambda: found.append(list(offered(there.url, calls_until=goes_on)))),
        ]
        threads[0].start()
        assert asked.wait(10)
        threads[1].start()
        for thread in threads:
            thread.join()
    assert found == [["crm__look"]]


def test_a_server_that_is_away_offers_nothing_and_is_not_asked_again_at_once() -> None:
    with balky(silent) as there:
        url = f"http://127.0.0.1:{there.port}/"
        assert offered(url, timeout=0.2) == {}
        began = time.monotonic()
        assert offered(url, timeout=0.2) == {}
        assert time.monotonic() - began < 0.1


def test_what_is_no_text_is_named() -> None:
    image = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
    page = {"type": "resource", "resource": {"uri": "x://y", "text": "a page"}}
    with outsider(scripted([listed("look")], lambda *_: {"content": [image, page]})) as there:
        assert done(offered(there.url)["crm__look"]) == {"text": "[image image/png, which is not shown]\na page"}


def test_a_child_of_this_process_has_a_loop_of_its_own() -> None:
    async def one() -> int:
        return 1

    assert background().run(one, 5, lambda: inf) == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if background().run(one, 5, lambda: inf) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

"""`http_request` sends what a tenant declared and a model asked for, and shows of an answer what may be shown."""

import gzip
import json
import logging
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.telemetry import logs
from tests.support.balky import Behaviour, Talk, balky, dripping, dripping_headers, silent
from tests.support.calling import ending
from tests.support.outsider import SECRET, Heard, Outsider, Says, asked, outsider, tool
from workers.interruption import Interrupted
from workers.turns.tools.tool import ToolFailed, ToolRefused


def test_an_endpoint_is_asked_below_its_url_with_what_was_declared() -> None:
    with outsider() as there:
        made = tool(f"{there.url}/v1/", credential="key", headers={"X-Tenant": "acme"})
        answer = asked(made, "orders/7", method="POST", query={"full": True, "tag": ["a", "b c"]}, body={"n": 1})
    (heard,) = there.heard
    assert (heard.method, heard.target, json.loads(heard.body)) == (
        "POST",
        "/v1/orders/7?full=true&tag=a&tag=b+c",
        {"n": 1},
    )
    assert heard.headers["authorization"] == f"Bearer {SECRET}"
    assert heard.headers["x-tenant"] == "acme"
    assert heard.headers["idempotency-key"] == "key-of-this-step"
    assert heard.headers["host"] == f"127.0.0.1:{there.port}"
    assert answer == {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "json": {"ok": True},
        "truncated": False,
    }


def test_what_only_reads_has_neither_body_nor_key() -> None:
    with outsider() as there:
        asked(tool(there.url), "orders")
    assert not {"idempotency-key", "content-type", "content-length", "authorization"} & there.heard[0].headers.keys()


def test_a_method_that_was_not_declared_is_refused() -> None:
    with outsider() as there:
        with pytest.raises(ToolRefused, match="POST is not among its methods, which are GET"):
            asked(tool(there.url, methods=("GET",)), method="POST")
        assert there.heard == []


def test_a_credential_that_is_not_the_tenants_is_refused_and_nothing_is_sent() -> None:
    with outsider() as there:
        with pytest.raises(ToolRefused, match="'globex-key' is not there"):
            asked(tool(there.url, credential="globex-key"))
        assert there.heard == []


def test_a_credential_that_comes_back_is_not_shown_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    def echoing(heard: Heard) -> Says:
        sent = heard.headers["authorization"]
        told = {"sent": sent, "url": "s3cr3t%2Fwith%2Bsigns", "packed": "czNjcjN0L3dpdGgrc2lnbnM=", sent: [sent]}
        return Says(json.dumps(told).encode(), 200, {"content-type": "application/json", "etag": sent})

    caplog.set_level(logging.DEBUG)
    for chatty in logs.CHATTY:
        caplog.set_level(logging.WARNING, chatty)
    with outsider(echoing) as there:
        answer = asked(tool(there.url, credential="key"))
    assert answer["json"]["sent"] == "Bearer [credential]"
    for form in (SECRET, "s3cr3t", "czNjcjN0L3dpdGgrc2lnbnM"):
        assert form not in json.dumps(answer)
        assert form not in caplog.text


def test_a_credential_at_the_place_where_an_answer_is_cut_is_not_shown_in_part() -> None:
    def echoing(heard: Heard) -> Says:
        return Says(b"x" * 50 + SECRET.encode() + b"x" * 500, 200, {"content-type": "text/plain"})

    with outsider(echoing) as there:
        answer = asked(tool(there.url, credential="key", max_bytes=55))
    assert answer["text"] == "x" * 50 + "[cred"
    assert answer["truncated"]


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
def test_an_answer_is_cut_where_it_is_too_long_packed_or_not(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    told = {"content-type": "text/plain", "content-encoding": encoding}
    with outsider(lambda _: Says(pack(b"x" * 30_000_000), 200, told)) as there:
        answer = asked(tool(there.url, max_bytes=1000))
    assert (answer["text"], answer["truncated"]) == ("x" * 1000, True)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip"])
def test_an_answer_that_cannot_be_unpacked_has_failed(encoding: str) -> None:
    told = {"content-encoding": encoding}
    with outsider(lambda _: Says(b"not packed", 200, told)) as there, pytest.raises(ToolFailed, match="packed"):
        asked(tool(there.url))


def test_an_answer_that_is_no_text_is_named_and_not_shown() -> None:
    with outsider(lambda _: Says(b"\x00\x01", 200, {"content-type": "image/png"})) as there:
        assert asked(tool(there.url))["text"] == "[2 bytes of image/png, which is no text]"


@pytest.mark.parametrize("behave", [silent, dripping, dripping_headers])
def test_a_server_that_drips_is_left_when_its_time_is_over(behave: Behaviour) -> None:
    with balky(behave) as there:
        with ending(ToolFailed, "no whole answer within 0.3 seconds"):
            asked(tool(f"http://127.0.0.1:{there.port}/"), seconds=0.3)
        assert there.left.wait(30)


def test_a_call_ends_where_its_run_may_not_go_on() -> None:
    with balky(dripping) as there, ending(Interrupted):
        asked(tool(f"http://127.0.0.1:{there.port}/", calls_until=there.calls_until))


ODD = st.sampled_from([*"./\\%;:@?# \r\n\t\x00", "..", "//", "%2e", "%2f", "%0d%0aX: y", "HTTP/1.1\r\n\r\nGET /x"])
TEXTS = st.lists(st.one_of(ODD, st.text(max_size=3)), max_size=8).map("".join)


@pytest.fixture(scope="module")
def listening() -> Iterator[Outsider]:
    with outsider() as there:
        yield there


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS, st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.lists(TEXTS, max_size=2)), max_size=2))
def test_no_path_and_query_ask_for_anything_but_one_thing_below(
    listening: Outsider, path: str, query: dict[str, object]
) -> None:
    before = len(listening.heard)
    try:
        asked(tool(f"{listening.url}/v1/orders"), path, query=query)
    except ToolRefused:
        assert len(listening.heard) == before
        return
    (heard,) = listening.heard[before:]
    assert heard.target.startswith("/v1/orders")
    assert ".." not in unquote(heard.target.partition("?")[0]).split("/")


def pouring(first: bytes, more: bytes) -> Behaviour:
    """An answer without an end, as fast as it is taken."""

    def behave(talk: Talk) -> None:
        talk.await_request()
        talk.end.settimeout(None)  # it goes on until its client has left
        talk.end.sendall(first)
        while not talk.provider.over.is_set():
            talk.end.sendall(more)

    return behave


TEXT = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"


def packed_endlessly() -> bytes:
    """A beginning, after which empty blocks may follow for ever."""
    pack = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return pack.compress(b"hello") + pack.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
        (TEXT + b"content-encoding: gzip\r\n\r\n" + packed_endlessly(), b"\x00\x00\x00\xff\xff" * 10_000),
        (TEXT + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"hello"), b"x" * 50_000),
        (TEXT + b"transfer-encoding: chunked\r\n\r\n", b"1;" + b"a" * 50_000 + b"\r\nx\r\n"),
    ],
    ids=["interim", "unpacks to nothing", "after the end", "around chunks"],
)
def test_what_never_becomes_an_answer_is_left_where_enough_has_come(first: bytes, more: bytes) -> None:
    with balky(pouring(first, more)) as there:
        with pytest.raises(ToolFailed, match=r"more than 524\d{3} bytes"):
            asked(tool(f"http://127.0.0.1:{there.port}/"))
        assert there.left.wait(30)


def test_an_answer_without_an_end_is_left_where_enough_has_been_read() -> None:
    with balky(pouring(TEXT + b"\r\n", b"x" * 65_536)) as there:
        answer = asked(tool(f"http://127.0.0.1:{there.port}/"), seconds=5.0)
        assert (len(answer["text"]), answer["truncated"]) == (65_536, True)
        assert there.left.wait(30)

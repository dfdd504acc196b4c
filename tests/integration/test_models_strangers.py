"""What comes from a provider is a stranger's: whatever it is, the call ends as one that this worker understands."""

import socket
import struct
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from gzip import compress
from traceback import format_exception

import orjson
import pytest

from shared.clock import now
from shared.metering.prices import Tokens
from tests.support.balky import ANSWER, CERTIFICATE, HEAD, Behaviour, Talk, balky, by_tls, whole
from tests.support.calling import called, ending, provider, way
from workers.calls import CallFailed, CallLost
from workers.models import chat
from workers.models.chat import ChatRequest, chat_call
from workers.models.failures import ProviderFailed, RateLimited

KEY = "sk-platform-0123456789abcdef"

REQUEST = ChatRequest("m", [{"role": "user", "content": "hello"}], 0.0, 10, [])


class Deaf:
    """Is told, and does not listen."""

    def begin(self) -> None: ...

    def __call__(self, text: str, /) -> None: ...


def saying(*parts: bytes) -> Behaviour:
    """This, once it is asked, and then the end."""

    def say(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(b"".join(parts))
        talk.end.shutdown(socket.SHUT_WR)
        while talk.listen():
            pass

    return say


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def trouble(status: str, message: str, *headers: str) -> bytes:
    return answer(status, orjson.dumps({"error": {"message": message}}), "content-type: application/json", *headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("streams", [False, True])
def test_nobody_is_followed_to_where_a_provider_sends_a_call(status: int, *, streams: bool) -> None:
    """Who it names may compute outside the tenant's region, and would be told the tenant's words."""
    with balky(whole) as elsewhere:
        there = f"location: http://localhost:{elsewhere.port}/v1/chat/completions"
        with balky(saying(answer(f"{status} Elsewhere", b"", there))) as first:
            made = chat_call(provider(first.port), REQUEST, timeout=5, listener=Deaf() if streams else None)
            with ending(ProviderFailed, "nobody is followed there"):
                made.make("call")
        assert not elsewhere.asked.is_set()


def test_an_answer_that_is_packed_is_not_unpacked_and_none_is_asked_for() -> None:
    heard: list[bytes] = []

    def pack(talk: Talk) -> None:
        saying(answer("200 OK", compress(ANSWER), "content-encoding: gzip"))(talk)
        heard.append(talk.heard)

    with balky(pack) as there, ending(CallLost, r"packed \(gzip\)"):
        called(provider(there.port))
    assert b"accept-encoding: identity\r\n" in heard[0].lower()


@pytest.mark.parametrize("head", [HEAD % 10**9, b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nx-a: "])
def test_an_answer_that_does_not_end_is_thrown_away(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(chat, "WHOLE", 300_000)

    def pour(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(head)
        while not talk.provider.over.is_set():
            talk.end.sendall(b"x" * 4096 if b"x-a" in head or b"json" in head else b"x-a: b\r\n" * 512)

    with balky(pour) as there, ending(CallLost):
        called(provider(there.port))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"choices": ' + b"9" * 10_000 + b"}",
        b"<html>Sign in</html>",
        b'{"error": {"message": "overloaded"}}',
        b'{"error": "overloaded"}',
        ANSWER.replace(b'"prompt_tokens":3', b'"prompt_tokens":-3'),
        ANSWER.replace(b'"prompt_tokens":3', b'"prompt_tokens":1e30'),
        ANSWER.replace(b'"usage"', b'"used"'),
        b"\xff\xfe",
        b"",
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/html", ""])
def test_a_success_that_is_no_whole_answer_may_have_been_drawn(body: bytes, kind: str) -> None:
    with balky(saying(answer("200 OK", body, f"content-type: {kind}"))) as there, ending(CallLost):
        called(provider(there.port))


def test_an_error_in_the_place_of_an_answer_is_told() -> None:
    with balky(saying(trouble("200 OK", "overloaded"))) as there, ending(CallLost, "with an error: overloaded"):
        called(provider(there.port))


def test_an_answer_in_the_old_way_is_heard() -> None:
    old = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + ANSWER
    with balky(saying(old)) as there:
        assert called(provider(there.port)).outcome["content"] == "hello"


@pytest.mark.parametrize("said", [b"", HEAD % len(ANSWER) + ANSWER[:20]])
def test_a_connection_that_is_reset_leaves_a_call_that_may_have_been_drawn(said: bytes) -> None:
    def reset(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(said)
        talk.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with balky(reset) as there, ending(CallLost, "the call was cut"):
        called(provider(there.port))


@pytest.mark.parametrize("part", [1, 40, None])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_nobody_asked_for_is_given_to_nobody(
    monkeypatch: pytest.MonkeyPatch, part: int | None, scheme: str
) -> None:
    """It comes at once with another's (by TLS in a record of its own), on a connection that the next call would use."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    planted = ANSWER.replace(b"hello", b"PLANT")
    asked = 0

    def plant(talk: Talk) -> None:
        nonlocal asked
        while talk.listen():
            talk.await_request()
            talk.heard, asked = b"", asked + 1
            talk.end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            talk.end.sendall(HEAD % len(ANSWER) + ANSWER)
            if asked == 1:
                talk.end.sendall((HEAD % len(planted) + planted)[:part])
            talk.end.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    with balky(plant if scheme == "http" else by_tls(plant)) as there:
        made = provider(there.port, scheme=scheme)
        assert [called(made).outcome["content"] for _ in range(3)] == ["hello"] * 3


def test_a_cookie_that_a_provider_sets_is_not_sent_with_the_next_call() -> None:
    """The next call is another tenant's, perhaps: what it says is not to be found beside what this one said."""
    heard: list[bytes] = []

    def baking(talk: Talk) -> None:
        while talk.listen():
            if b"\r\n\r\n" not in talk.heard:
                continue  # a body that came behind its headers
            heard.append(talk.heard.lower())
            talk.heard = b""
            talk.end.sendall(answer("200 OK", ANSWER, "content-type: application/json", "set-cookie: session=acme"))

    with balky(baking) as there:
        made = provider(there.port)
        for _ in range(2):
            assert called(made).outcome["content"] == "hello"
    assert len(heard) == 2
    assert b"cookie" not in heard[1]


def test_a_provider_that_does_not_stream_is_heard_whole() -> None:
    told: list[str] = []

    class Ear(Deaf):
        def __call__(self, text: str, /) -> None:
            told.append(text)

    with balky(saying(answer("200 OK", ANSWER, "content-type: application/json; charset=utf-8"))) as there:
        reply = chat_call(provider(there.port), REQUEST, timeout=5, listener=Ear()).make("call")
    assert (reply.outcome["content"], told, reply.drawn) == ("hello", ["hello"], Tokens(3, 1))


@pytest.mark.parametrize("length", [470, 480, 495, 505])
def test_a_key_that_a_provider_says_aloud_is_never_kept_not_even_its_beginning(length: int) -> None:
    body = trouble("500 Oops", "x" * length + KEY)
    with balky(saying(body)) as there, pytest.raises(ProviderFailed) as failed:
        called(way(f"http://localhost:{there.port}/v1", key=KEY))
    assert KEY[:8] not in "".join(format_exception(failed.value)), "a traceback is logged with its causes"


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0.5, 0.5),
        (lambda: format_datetime(now() + timedelta(seconds=30), usegmt=True), 25, 30),
        (lambda: format_datetime(now() - timedelta(days=1), usegmt=True), 0.5, 0.5),
        ("999999999999", 600, 600),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 600, 600),
        *((garbage, None, None) for garbage in ("-5", "nan", "inf", "1e999", "soon", "", "Fri, 99 Foo 2026", "7, 8")),
    ],
)
def test_a_wait_that_a_provider_asks_for_is_kept_within_bounds(
    told: str | Callable[[], str], least: float | None, most: float | None
) -> None:
    header = f"retry-after: {told if isinstance(told, str) else told()}"
    with balky(saying(trouble("429 Too Many", "slow down", header))) as there, pytest.raises(RateLimited) as limited:
        called(provider(there.port))
    after = limited.value.after
    assert after is None if least is None or most is None else after is not None and least <= after <= most


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, CallFailed), (402, CallFailed), (418, CallFailed), (503, ProviderFailed), (599, ProviderFailed)],
)
def test_an_error_without_words_is_still_one(status: int, kind: type[CallFailed]) -> None:
    with balky(saying(answer(f"{status} Hm", b"\xff<html>"))) as there, pytest.raises(kind, match=str(status)):
        called(provider(there.port))

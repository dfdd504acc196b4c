"""A chat completion as it comes: told on the way, and put together whatever a provider makes of its stream."""

import socket
import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

import orjson
import pytest

from shared.metering.prices import Tokens
from shared.rehearsal.client import Rehearsal
from tests.support.balky import Behaviour, Talk, balky
from tests.support.calling import LONG, ending, provider, way
from tests.support.turning import says
from workers.calls import CallLost, Reply
from workers.models import answer, chunks
from workers.models.chat import ChatRequest, chat_call
from workers.models.chunks import gathered
from workers.models.provider import OpenProvider

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"

USAGE = {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}

DONE = b"data: [DONE]\n\n"

SEARCH = {"type": "function", "function": {"name": "search_knowledge", "parameters": {"type": "object"}}}


class Ear:
    """Hears what is told; `heard` once that is something."""

    def __init__(self) -> None:
        self.begun, self.words, self.heard = 0, list[str](), threading.Event()

    def begin(self) -> None:
        self.begun += 1

    def __call__(self, text: str, /) -> None:
        self.words.append(text)
        self.heard.set()


def piece(delta: Any = None, *, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta if delta is not None else {}, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "c", "choices": [choice]} | more) + b"\n\n"


def asks(*calls: Any) -> bytes:
    return piece({"tool_calls": list(calls)})


def part(index: int | None, arguments: str | None, call_id: str | None = None, name: str | None = None) -> Any:
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def last(finish: str = "stop") -> Sequence[bytes]:
    return piece(finish=finish), b"data: " + orjson.dumps({"choices": [], **USAGE}) + b"\n\n", DONE


def sending(*parts: bytes) -> Behaviour:
    """All of these, and that is the end."""

    def send(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(HEAD + b"".join(parts))
        talk.end.shutdown(socket.SHUT_WR)
        while talk.listen():
            pass

    return send


def asked(made: OpenProvider, ear: Ear | None, *, timeout: float = LONG, model: str = "m") -> Reply:
    request = ChatRequest(model, [{"role": "user", "content": "hello"}], 0.0, 500, [SEARCH])
    return chat_call(made, request, timeout=timeout, listener=ear).make("call")


def streamed(*parts: bytes) -> Reply:
    with balky(sending(*parts)) as there:
        return asked(provider(there.port), Ear())


@pytest.mark.parametrize(
    "said",
    [{"text": "words " * 50}, {"text": ""}, {"calls": [{"id": "x", "name": "remember", "arguments": '{"na'}] * 2}],
)
def test_an_answer_is_the_same_streamed_or_not(model: Rehearsal, said: dict[str, Any]) -> None:
    model.settings(script=[said])
    ear, made = Ear(), way(model.url)
    one, other = asked(made, None, model="rehearsal-1"), asked(made, ear, model="rehearsal-1")
    assert one == other
    assert ("".join(ear.words), ear.begun) == (one.outcome["content"], 1)


def test_words_are_told_before_the_answer_is_over() -> None:
    ear = Ear()

    def send(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(HEAD + piece({"role": "assistant", "content": "Hel"}))
        assert ear.heard.wait(LONG)
        talk.end.sendall(piece({"content": "lo"}) + b"".join(last()))

    with balky(send) as there:
        reply = asked(provider(there.port), ear)
    assert (reply.outcome["content"], ear.words) == ("Hello", ["Hel", "lo"])


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        (
            [asks(part(1, '{"b"', "y", "two")), asks(part(0, "{}", "x", "one")), asks(part(1, ":1}"))],
            'x one {}|y two {"b":1}',
        ),
        ([asks(part(10**12, "{}", "x", "one"), part(-5, "[]", "y", "two"))], "y two []|x one {}"),
        (
            [asks(part(None, "{", "x", "one")), asks(part(None, "}")), asks(part(None, "[]", "y", "two"))],
            "x one {}|y two []",
        ),
        ([asks(part(0, "{}", "x", "one")), asks(part(0, "[]", "y", "two"))], "x one {}|y two []"),
        ([asks(part(0, "{", "x", "one")), asks(part(0, "}", "x", "one"))], "x one {}"),
        ([asks(part(0, "{}", None, "one"))], "call_0 one {}"),
        ([asks(part(0, None, "x")), asks({"index": 0})], "x  "),
        ([asks(part(0, "{}", "x", "one"), part(1, "[]", "x", "two"))], "call_0 one {}|call_1 two []"),
    ],
)
def test_tool_calls_are_put_together_however_they_are_numbered(parts: list[bytes], calls: str) -> None:
    found = streamed(*parts, *last("tool_calls")).outcome["tool_calls"]
    assert "|".join(f"{call['id']} {call['name']} {call['arguments']}" for call in found) == calls


def test_what_is_not_known_is_passed_over() -> None:
    reply = streamed(
        b": a comment\n\n",
        piece({"content": "a", "reasoning": {"deep": [1]}}, surprise=True),
        b'data: {"choices": null}\n\n',
        b'data: {"usage": null, "choices": []}\n\n',
        piece({"content": None, "tool_calls": None}),
        b'data: {"choices": [{"delta": null}]}\n\n',
        piece({"content": "b\x00\\"}),
        *last(),
    )
    assert (reply.outcome["content"], reply.drawn) == ("ab\\", Tokens(7, 3))


@pytest.mark.parametrize(
    "parts",
    [
        [piece({"content": "a"}, finish="stop"), DONE],
        [piece({"content": "a"}, **USAGE), DONE],
        [piece({"content": "a"})],
        [],
        [b"data: {\n\n"],
        [b"data: 7\n\n"],
        [b'data: {"choices": {}}\n\n'],
        [b'data: {"choices": [{"delta": {"content": ["a"]}}]}\n\n'],
        [b'data: {"error": {"message": "overloaded"}}\n\n'],
        [piece(finish="stop", usage={"prompt_tokens": -1, "completion_tokens": 2}), DONE],
        [piece(finish="stop", usage={"prompt_tokens": 2**40, "completion_tokens": 2}), DONE],
        [b"data: \xff\xfe\n\n"],
    ],
)
def test_a_stream_that_is_no_whole_answer_may_have_been_drawn(parts: list[bytes]) -> None:
    with pytest.raises(CallLost):
        streamed(*parts)


def test_a_stream_that_is_cut_may_have_been_drawn_though_words_were_told(model: Rehearsal) -> None:
    model.settings(script=[says("words " * 50)], faults=[{"fault": "cut"}])
    ear = Ear()
    with pytest.raises(CallLost, match="cut"):
        asked(way(model.url), ear, model="rehearsal-1")
    assert ear.words


def test_a_stream_that_never_ends_is_over_when_the_call_is() -> None:
    def drip(talk: Talk) -> None:
        talk.await_request()
        talk.end.sendall(HEAD)
        while talk.listen():
            talk.end.sendall(piece({"content": "a"}))

    with balky(drip) as there, ending(CallLost, "no whole answer within 0.3 seconds"):
        asked(provider(there.port), Ear(), timeout=0.3)


def test_what_is_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MOST_TEXT", 5)
    monkeypatch.setattr(answer, "MOST_ARGUMENTS", 4)
    monkeypatch.setattr(answer, "MOST_CALLS", 2)
    calls = [part(number, '{"a": 1}', f"id-{number}", "one") for number in range(5)]
    reply = streamed(piece({"content": "abc"}), piece({"content": "def"}), asks(*calls), *last())
    assert (reply.outcome["content"], reply.outcome["finish_reason"], reply.drawn) == ("abcde", "length", Tokens(7, 3))
    assert [call["arguments"] for call in reply.outcome["tool_calls"]] == ['{"a"', '{"a"']


def test_words_that_come_close_together_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hundred of them, ten milliseconds apart: the first at once, then all of fifty milliseconds."""
    clock = count()
    monkeypatch.setattr(chunks, "monotonic", lambda: next(clock) * 0.01)
    ear = Ear()
    said = [{"choices": [{"delta": {"content": f"{number} "}}]} for number in range(100)]
    gathered(said, ear)
    assert "".join(ear.words) == "".join(f"{number} " for number in range(100))
    assert ear.words[0] == "0 "
    assert 10 < len(ear.words) < 30

"""The rehearsal model as the real SDK sees it: chat, tools, streams, embeddings, and what it refuses."""

import http.client
import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from shared.rehearsal.client import Rehearsal, rehearsal

QUESTION = "How does the assert statement work?"
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
SEARCH: ChatCompletionToolParam = {"type": "function", "function": {"name": "search_knowledge", "parameters": {}}}
FOUND = {
    "passages": [
        {"title": "Lists", "text": "A list may be sorted. Lists are mutable."},
        {"title": "Assert", "text": "It is short. An assert statement works by raising AssertionError."},
    ]
}


@pytest.fixture(scope="module")
def model() -> Iterator[Rehearsal]:
    with rehearsal() as running:
        yield running


@pytest.fixture(scope="module")
def client(model: Rehearsal) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=model.url, api_key="sk-chat", max_retries=0) as made:
        yield made


def searched(found: object) -> list[ChatCompletionMessageParam]:
    """The conversation after the search that the model asked for."""
    call: Any = {"id": "c1", "type": "function", "function": {"name": "search_knowledge", "arguments": "{}"}}
    return [
        *ASKED,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": json.dumps(found)},
    ]


def post(model: Rehearsal, path: str, body: bytes, key: str = "sk-raw") -> tuple[int, dict[str, Any]]:
    """What the server says to bytes that the SDK would never send."""
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=30)
    try:
        connection.request("POST", f"/v1{path}", body, {"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["error"]
    finally:
        connection.close()


def test_model_that_may_search_asks_for_the_users_question(client: openai.OpenAI) -> None:
    choice = client.chat.completions.create(model="rehearsal-1", messages=ASKED, tools=[SEARCH]).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("search_knowledge", {"query": QUESTION})


def test_model_searches_again_for_the_next_question(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [*searched(FOUND), {"role": "user", "content": "And lists?"}]
    choice = client.chat.completions.create(model="rehearsal-1", messages=messages, tools=[SEARCH]).choices[0]
    assert choice.finish_reason == "tool_calls"


def test_model_answers_from_the_passages_and_names_their_source(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="rehearsal-1", messages=searched(FOUND), tools=[SEARCH])
    said = answer.choices[0].message.content or ""
    assert "An assert statement works by raising AssertionError." in said
    assert "Assert" in said.partition("(Sources:")[2]


def test_model_says_so_when_the_search_found_nothing(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="rehearsal-1", messages=searched({"passages": []}), tools=[SEARCH])
    assert "found no passages" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize("tools", [[], [SEARCH]], ids=["text", "search"])
def test_stream_says_what_the_plain_answer_says_and_costs_the_same(
    client: openai.OpenAI, tools: list[ChatCompletionToolParam]
) -> None:
    plain = client.chat.completions.create(model="rehearsal-1", messages=ASKED, tools=tools)
    with client.chat.completions.stream(
        model="rehearsal-1", messages=ASKED, tools=tools, stream_options={"include_usage": True}
    ) as stream:
        streamed = stream.get_final_completion()
    assert streamed.usage == plain.usage
    assert streamed.choices[0].message.content == plain.choices[0].message.content
    assert streamed.choices[0].finish_reason == plain.choices[0].finish_reason


def test_stream_without_the_option_says_no_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="rehearsal-1", messages=ASKED, stream=True)
    assert all(chunk.usage is None for chunk in stream)


def test_same_request_has_the_same_answer(client: openai.OpenAI) -> None:
    first, second = (client.chat.completions.create(model="rehearsal-1", messages=ASKED) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_answer_keeps_within_its_most_tokens(client: openai.OpenAI, limit: str) -> None:
    bound: dict[str, Any] = {limit: 3}
    answer = client.chat.completions.create(model="rehearsal-1", messages=ASKED, **bound)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 3


def test_embeddings_in_floats_and_in_base64_agree(client: openai.OpenAI) -> None:
    texts = ["sorting a list", "asserting a fact", "☃"]
    packed = client.embeddings.create(model="rehearsal-embed", input=texts)
    plain = client.embeddings.create(model="rehearsal-embed", input=texts, encoding_format="float")
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-7)
        assert math.hypot(*one.embedding) == pytest.approx(1, abs=1e-5)
    assert packed.usage == plain.usage


def test_embedding_has_the_dimensions_asked_for(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="rehearsal-embed", input="a text", dimensions=64)
    assert len(answer.data[0].embedding) == 64


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {"rehearsal-1", "rehearsal-embed"}


def test_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.chat.completions.create(model="gpt-none", messages=ASKED)
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.embeddings.create(model="rehearsal-1", input="a text")


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00garbage",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"model": 7, "messages": "none", "input": 9}',
        b'{"model": "rehearsal-1", "messages": [], "input": []}',
        b'{"model": "rehearsal-1", "messages": [{"role": "king", "content": {}}], "input": [[1, 2]]}',
        b'{"model": "rehearsal-1", "messages": [{"role": "user", "content": "\\ud800"}], "input": ""}',
        b'{"model": "rehearsal-1", "messages": [{"role": "user"}], "max_tokens": -1, "input": ["a", 3]}',
    ],
)
def test_malformed_body_is_refused_with_a_reason(model: Rehearsal, path: str, body: bytes) -> None:
    status, error = post(model, path, body)
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert error["message"]


def test_huge_body_is_refused_and_its_sender_lives_to_read_it(model: Rehearsal) -> None:
    status, error = post(model, "/chat/completions", b"x" * (17 * 1024 * 1024))
    assert (status, error["code"]) == (413, "body_too_large")


def test_call_without_a_key_is_refused(model: Rehearsal) -> None:
    body = json.dumps({"model": "rehearsal-1", "messages": ASKED}).encode()
    assert post(model, "/chat/completions", body, key="")[0] == 401


def test_unknown_path_is_refused_in_the_same_shape(model: Rehearsal) -> None:
    assert post(model, "/images", b"{}")[0] == 404

"""The rehearsal model by its script: each round as it was written, plain and as a stream, and garbled answers."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageParam

from shared.errors import HeadgateError
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.rehearsal.settings import RehearsalSettings

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What grows here?"}]

TWO_TOOLS = {
    "text": "One moment.",
    "calls": [
        {"name": "search_knowledge", "arguments": '{"query": "what grows"}'},
        {"name": "remember", "arguments": "{this is not JSON", "id": "mine"},
    ],
}
SCRIPT = [TWO_TOOLS, {"text": "Barley grows here, and rye."}]


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with rehearsal() as started:
        yield started


@pytest.fixture
def model(running: Rehearsal) -> Rehearsal:
    running.settings(**RehearsalSettings().model_dump(mode="json"))
    running.clear()
    return running


@pytest.fixture(scope="module")
def client(running: Rehearsal) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=running.url, api_key="sk-script", max_retries=0) as made:
        yield made


def say(client: openai.OpenAI, messages: list[ChatCompletionMessageParam]) -> Any:
    return client.chat.completions.create(model="rehearsal-1", messages=messages)


def stream(client: openai.OpenAI, messages: list[ChatCompletionMessageParam]) -> Any:
    """The same, put together from its chunks by the SDK."""
    with client.chat.completions.stream(
        model="rehearsal-1", messages=messages, stream_options={"include_usage": True}
    ) as chunks:
        return chunks.get_final_completion()


def wanted(message: ChatCompletionMessage) -> list[tuple[str, str, str]]:
    calls = [call for call in message.tool_calls or () if call.type == "function"]
    return [(call.id, call.function.name, call.function.arguments) for call in calls]


def after(client: openai.OpenAI, messages: list[ChatCompletionMessageParam]) -> list[ChatCompletionMessageParam]:
    """The conversation after the tools that the model asked for."""
    said = say(client, messages).choices[0].message
    results: list[ChatCompletionMessageParam] = [
        {"role": "tool", "tool_call_id": call, "content": "{}"} for call, _, _ in wanted(said)
    ]
    return [*messages, said.model_dump(exclude_none=True), *results]


@pytest.mark.parametrize("ask", [say, stream])
def test_model_asks_for_several_tools_as_its_script_says(model: Rehearsal, client: openai.OpenAI, ask: Any) -> None:
    model.settings(script=SCRIPT)
    answer = ask(client, ASKED)
    (first, *search), second = wanted(answer.choices[0].message)
    assert answer.choices[0].message.content == "One moment."
    assert (search, second) == (
        ["search_knowledge", '{"query": "what grows"}'],
        ("mine", "remember", "{this is not JSON"),
    )
    assert first.startswith("call_")
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage == say(client, ASKED).usage


def test_each_round_of_a_turn_has_its_own_place_and_the_last_goes_on(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(script=SCRIPT)
    messages = after(client, ASKED)
    assert say(client, messages).choices[0].message.content == "Barley grows here, and rye."
    assert wanted(say(client, ASKED).choices[0].message), "a call that is made again has the same answer"
    asked_again: ChatCompletionMessageParam = {"role": "user", "content": "And there?"}
    assert wanted(say(client, [*messages, asked_again]).choices[0].message), "each question begins anew"
    model.settings(script=[TWO_TOOLS])
    assert wanted(say(client, messages).choices[0].message)


def test_a_round_may_be_for_some_questions_only(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(script=[{"text": "Scripted.", "match": "weather"}])
    assert "What grows here?" in say(client, ASKED).choices[0].message.content
    assert say(client, [{"role": "user", "content": "the weather"}]).choices[0].message.content == "Scripted."


@pytest.mark.parametrize("ask", [say, stream])
def test_a_round_is_sent_as_it_was_written_and_costs_what_was_asked_for_at_most(
    model: Rehearsal, client: openai.OpenAI, ask: Any
) -> None:
    text = "a\\ud800b\x00" + "long " * 20_000
    model.settings(script=[{"text": text, "finish_reason": "function_call"}], output_tokens=7)
    answer = ask(client, ASKED)
    assert answer.choices[0].message.content == text.replace("\\ud800", "\ud800")
    assert answer.choices[0].finish_reason == "function_call"
    assert answer.usage.completion_tokens == 7


def test_a_garbled_answer_is_served_and_is_sent_as_it_was_written(model: Rehearsal, client: openai.OpenAI) -> None:
    model.settings(faults=[{"fault": "garbled", "body": '{"choices": null, "usage": "much"}', "times": 2}])
    chunks: Any = client.chat.completions.create(model="rehearsal-1", messages=ASKED, stream=True)
    assert [said.choices for said in (say(client, ASKED), *chunks)] == [None, None]
    assert len(model.served("sk-script")) == 2
    assert say(client, ASKED).choices


def test_requests_are_kept_where_the_settings_say_so(model: Rehearsal, client: openai.OpenAI) -> None:
    say(client, ASKED)
    model.settings(keep_requests=True)
    say(client, ASKED)
    client.embeddings.create(model="rehearsal-embed", input="what grows")
    chat, embedding = map(json.loads, model.requests())
    assert (chat["messages"], embedding["input"]) == (ASKED, "what grows")
    model.clear()
    assert model.requests() == []


def test_a_script_with_a_word_that_is_none_is_refused(model: Rehearsal) -> None:
    with pytest.raises(HeadgateError, match=r"script\.0\.cals"):
        model.settings(script=[{"cals": []}])

"""What the model is sent in the rounds of a turn."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.agents.agents import Agent
from shared.agents.configuration import AgentConfiguration
from shared.agents.conversations import Conversation, TurnIdentity
from shared.agents.messages import LEFT_OUT, Message
from shared.contracts.payloads import AgentTurn
from workers.models.routing import Route
from workers.turns import prompts
from workers.turns.history import Fitted
from workers.turns.requests import Requests
from workers.turns.scene import Scene

OURS, THEIRS = Route("openai", "m", 100_000), Route("theirs", "m", 100_000)

CALLED = Message("assistant", "", ({"id": "1", "name": "search", "arguments": "{}"},))
FOUND = Message("tool", "barley " * 100, tool_call_id="1")


def scene() -> Scene:
    configuration = AgentConfiguration(model="m", prompt="You are {{ name }}.")
    turn = AgentTurn(agent="default", conversation="c-1", message="What grows here?")
    identity = TurnIdentity("acme", "c-1", "default", None, UUID(int=1))
    agent = Agent("default", 1, configuration)
    return Scene(turn, identity, "Acme", agent, Conversation(), (), {}, datetime(2026, 1, 1, tzinfo=UTC))


def requests() -> Requests:
    history = Fitted([Message("user", "Hello."), Message("assistant", "Good day.")], None)
    return Requests(scene(), history, [{"role": "system", "content": "A note."}], [])


def test_each_round_is_sent_what_the_one_before_was_and_more() -> None:
    made = requests()
    first = made.request(OURS, [], answer_only=False).messages
    second = made.request(OURS, [CALLED, FOUND], answer_only=False).messages
    assert [message["role"] for message in first] == ["system", "user", "assistant", "system", "user"]
    assert list(second[: len(first)]) == list(first), "providers charge less for a beginning that they have seen"
    assert list(second[len(first) :]) == [CALLED.shown(), FOUND.shown()]


def test_a_prompt_is_rendered_once_for_each_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered, stable = list[str](), prompts.stable

    def counted(of: Scene, provider: str) -> str:
        rendered.append(provider)
        return stable(of, provider)

    monkeypatch.setattr(prompts, "stable", counted)
    made = requests()
    for route in (OURS, THEIRS, OURS, THEIRS):
        made.request(route, [], answer_only=False)
    assert rendered == ["openai", "theirs"]


def test_results_make_room_in_the_window_of_whoever_is_asked() -> None:
    made = requests()
    narrow = Route("theirs", "m", 100_000 - made.room(100_000) + 100)
    assert made.request(narrow, [CALLED, FOUND], answer_only=False).messages[-1]["content"] == LEFT_OUT
    assert made.request(OURS, [CALLED, FOUND], answer_only=False).messages[-1]["content"] == FOUND.content

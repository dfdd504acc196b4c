"""What strangers put into a conversation: names of tools that no provider takes, and another user's turn."""

import orjson
import pytest

from shared import ids
from shared.agents import conversations
from shared.agents.conversations import Added, TurnIdentity
from shared.agents.messages import Message
from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.turning import Slot, configure, rows, says, wants
from tests.support.walking import job, submit


@pytest.mark.parametrize(
    ("called", "shown"), [("multi_tool_use.parallel", "multi_tool_use_parallel"), ("", "_"), ("é" * 99, "_" * 64)]
)
def test_a_tool_is_shown_by_a_name_that_providers_take(called: str, shown: str) -> None:
    message = Message("assistant", "", [{"id": "x", "name": called, "arguments": "{}"}])
    assert message.shown()["tool_calls"][0]["function"]["name"] == shown


def test_a_turn_goes_on_whose_model_called_what_nobody_has(speaking_cell: Cell, model: Rehearsal) -> None:
    key = make_tenant(speaking_cell, "acme").secret
    configure(speaking_cell, "acme", tools=["search_knowledge"])
    model.settings(script=[wants(("multi_tool_use.parallel", "{}")), says("It is 42.")])
    asked = submit(speaking_cell, "agent.turn", {"conversation": "c-1", "message": "What is it?"}, key)
    Slot(speaking_cell).serve()
    row = job(speaking_cell, "acme", asked)
    assert (row["state"], row["result"]["refused"]) == ("done", ["multi_tool_use.parallel"])


@pytest.mark.parametrize(("written", "shown"), [('{"a": 1}', '{"a": 1}'), ("", "{}"), ("{a", '{"not_json":"{a"}')])
def test_arguments_are_shown_as_json_whatever_a_model_wrote(written: str, shown: str) -> None:
    message = Message("assistant", "", [{"id": "x", "name": "recall", "arguments": written}])
    assert message.shown()["tool_calls"][0]["function"]["arguments"] == shown


def test_a_model_that_has_had_its_calls_is_asked_for_an_answer_alone(speaking_cell: Cell, model: Rehearsal) -> None:
    key = make_tenant(speaking_cell, "acme").secret
    configure(speaking_cell, "acme", tools=["search_knowledge"], max_tool_calls=1)
    model.settings(script=[wants(("search_knowledge", {"query": "it"})), says("It is 42.")], keep_requests=True)
    submit(speaking_cell, "agent.turn", {"conversation": "c-1", "message": "What is it?"}, key)
    Slot(speaking_cell).serve()
    asked = [orjson.loads(request) for request in model.requests() if "messages" in request]
    assert [request.get("tool_choice") for request in asked] == [None, "none"]
    assert asked[0]["tools"] == asked[1]["tools"], "what was said speaks of them, and prompt caches begin with them"


def test_what_a_turn_says_is_not_put_into_a_conversation_that_another_user_began_meanwhile(cell: Cell) -> None:
    """Callers may order turns by a key of their own; then two may begin one conversation at once."""
    make_tenant(cell, "acme")
    for user in ("bob", "ann"):
        with cell.database.transaction("acme") as connection:
            place = TurnIdentity("acme", "c-1", "default", user, ids.new())
            conversations.add(connection, place, Added([Message("user", f"I am {user}.")], handed_off=user == "ann"))
    said = rows(cell, "acme", "SELECT content FROM tenant.messages")
    (stands,) = rows(cell, "acme", "SELECT user_identifier, turns, state FROM tenant.conversations")
    assert [row["content"] for row in said] == ["I am bob."]
    assert stands == {"user_identifier": "bob", "turns": 1, "state": "open"}

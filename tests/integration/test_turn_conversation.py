"""What a turn makes of a conversation: rules without a model, what is shown again or summarised, whose it is."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import ids
from shared.agents import conversations, messages
from shared.agents.conversations import Added, TurnIdentity
from shared.agents.hours import WEEKDAYS
from shared.agents.messages import Message
from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.turning import Slot, configure, rows, said_in, says, wants
from tests.support.walking import job, submit


class Talk:
    """A tenant's user, one conversation and a slot."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.key, self.slot = cell, make_tenant(cell, "acme").secret, Slot(cell)

    def submit(self, message: str, **more: Any) -> str:
        return submit(self.cell, "agent.turn", {"conversation": "c-1", "message": message} | more, self.key)

    def say(self, message: str, **more: Any) -> dict[str, Any]:
        """The row of the job, when it is over."""
        asked = self.submit(message, **more)
        self.slot.serve()
        return job(self.cell, "acme", asked)

    def result(self, message: str, **more: Any) -> dict[str, Any]:
        row = self.say(message, **more)
        assert row["state"] == "done", row["error"]
        result: dict[str, Any] = row["result"]
        return result

    def stands(self) -> dict[str, Any]:
        (row,) = rows(self.cell, "acme", "SELECT * FROM tenant.conversations")
        return row


@pytest.fixture
def talk(speaking_cell: Cell) -> Talk:
    return Talk(speaking_cell)


def calls(model: Rehearsal) -> int:
    return len(model.served())


def test_a_conversation_begins_with_the_greeting_and_goes_on_without(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", greeting="Welcome.", tools=())
    model.settings(script=[says("It is 42.")])
    first, second = talk.result("What is it?"), talk.result("And now?")
    assert (first["greeting"], first["answer"], first["outcome"]) == ("Welcome.", "It is 42.", "answered")
    assert "greeting" not in second
    said = rows(talk.cell, "acme", "SELECT role, content FROM tenant.messages ORDER BY position")
    assert [row["content"] for row in said[:3]] == ["Welcome.", "What is it?", "It is 42."]
    assert talk.stands()["turns"] == 2


def test_who_says_a_keyword_gets_a_human_and_no_model_is_asked(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", escalation_keywords=["Speak to a human"], handoff_message="One moment.")
    told = talk.result("I want to speak  to a HUMAN, now")
    assert (told["outcome"], told["answer"], told["reason"]) == (
        "handed_off",
        "One moment.",
        "the user said 'Speak to a human'",
    )
    again = talk.result("Hello?")
    assert (again["outcome"], calls(model)) == ("handed_off", 0)
    stands = talk.stands()
    assert (stands["state"], stands["turns"], stands["handoff_reason"]) == ("handed_off", 2, told["reason"])


def test_a_word_that_only_contains_a_keyword_is_none(talk: Talk) -> None:
    configure(talk.cell, "acme", escalation_keywords=["human"], tools=())
    assert talk.result("Tell me of humanism.")["outcome"] == "answered"


def test_outside_business_hours_nobody_is_asked(talk: Talk, model: Rehearsal) -> None:
    another = WEEKDAYS[(datetime.now(UTC).weekday() + 3) % 7]
    hours = {"time_zone": "UTC", "days": {another: ["00:00-24:00"]}, "message": "Closed."}
    configure(talk.cell, "acme", business_hours=hours)
    assert (talk.result("Hello?")["answer"], calls(model)) == ("Closed.", 0)
    every_day = {"time_zone": "UTC", "days": {day: ["00:00-24:00"] for day in WEEKDAYS}}
    configure(talk.cell, "acme", business_hours=every_day, tools=())
    assert talk.result("Hello?")["outcome"] == "answered"


def test_turns_that_are_used_up_are_said_to_be(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", max_turns=1, turns_message="Enough.", tools=())
    assert talk.result("One.")["outcome"] == "answered"
    assert (talk.result("Two.")["answer"], calls(model)) == ("Enough.", 1)


def test_a_model_that_says_nothing_gets_the_fallback_said(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", fallback_message="Sorry.", tools=())
    model.settings(script=[says("  ")])
    told = talk.result("Hello?")
    assert (told["outcome"], told["answer"]) == ("fallback", "Sorry.")


def test_an_answer_is_dressed_and_the_conversation_keeps_it_bare(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", response_template="{{ name }}: {{ answer }}", name="Ada", tools=())
    model.settings(script=[says("It is {{ 42 }}.")])
    asked = talk.submit("What is it?")
    talk.slot.serve()
    assert job(talk.cell, "acme", asked)["result"]["answer"] == "Ada: It is {{ 42 }}."
    assert said_in(talk.cell, "acme", asked) == [("user", "What is it?"), ("assistant", "It is {{ 42 }}.")]


def test_another_users_conversation_is_not_answered(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", tools=())
    talk.result("My number is 4711.", userIdentifier="ann")
    before = calls(model)
    for who in ({"userIdentifier": "bob"}, {}):
        row = talk.say("What is my number?", **who)
        assert (row["state"], calls(model)) == ("discarded", before)
        assert "belongs to another user" in row["error"]
    assert talk.stands()["turns"] == 1


def test_a_turn_adds_nothing_to_a_conversation_that_another_user_began_meanwhile(talk: Talk) -> None:
    """Its caller ordered it by a key of its own, and it was assembled before."""
    said = "SELECT * FROM tenant.messages ORDER BY position"
    configure(talk.cell, "acme", tools=())
    talk.result("My number is 4711.", userIdentifier="ann")
    before = talk.stands(), rows(talk.cell, "acme", said)
    late = TurnIdentity("acme", "c-1", "default", "bob", ids.new())
    with talk.cell.database.transaction("acme") as connection:
        conversations.add(connection, late, Added([Message("user", "I am Bob.")], handed_off=True, reason="he asked"))
    assert (talk.stands(), rows(talk.cell, "acme", said)) == before


def test_a_turn_that_asked_tools_is_shown_again_whole(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", tools=["search_knowledge"])
    model.settings(script=[wants(("search_knowledge", {"query": "it"})), says("It is 42.")])
    talk.result("What is it?")
    shown = rows(
        talk.cell, "acme", "SELECT role, tool_calls, tool_call_id FROM tenant.messages ORDER BY position, ordinal"
    )
    assert [row["role"] for row in shown] == ["user", "assistant", "tool", "assistant"]
    assert shown[1]["tool_calls"][0]["id"] == shown[2]["tool_call_id"]
    model.settings(script=[says("Still 42.")])
    assert talk.result("And now?")["answer"] == "Still 42."


def test_what_is_too_much_is_summarised_by_a_metered_step_and_not_again(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", tools=(), history_tokens=256)
    model.settings(script=[says("ok " * 150)])
    for number in range(3):
        talk.result(f"Part {number}: " + "long " * 60)
    model.settings(script=[says("IN SHORT", match="long"), says("fine")])
    told = talk.result("Next?")
    steps = rows(talk.cell, "acme", "SELECT place, kind, input_tokens FROM tenant.steps WHERE place LIKE 'history.%%'")
    summarised = [step for step in steps if step["place"] == "history.summary.0"]
    assert summarised
    assert all(step["kind"] == "model" and step["input_tokens"] > 0 for step in summarised)
    assert told["answer"] == "fine"
    stands = talk.stands()
    assert stands["summary"] is not None
    assert stands["summarised_to"] > 0
    kept = len(steps)
    talk.result("And?")
    again = rows(talk.cell, "acme", "SELECT FROM tenant.steps WHERE place LIKE 'history.%%'")
    assert len(again) == kept, "what is in short already is not summarised again"


def test_an_agent_whose_template_would_not_be_saved_any_more_ends_the_turn_with_the_reason(talk: Talk) -> None:
    configure(talk.cell, "acme", prompt="{% for it in user %}{% endfor %}", tools=())
    row = talk.say("Hello?")
    assert row["state"] == "discarded"
    assert "mend it by `headgate tenant configure -f`" in row["error"]


def test_turns_are_read_again_whole_and_only_so_many_bytes_of_them(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST_OF_TOOLS", 10)
    monkeypatch.setattr(conversations, "MOST_OF_WORDS", 170)
    call = {"id": "a", "name": "look", "arguments": "{}"}
    answered = [Message("assistant", "", [call]), Message("tool", "y" * 8, tool_call_id="a"), Message("assistant", "z")]
    place = TurnIdentity("acme", "c-1", "default", None, ids.new())
    with talk.cell.database.transaction("acme") as connection:
        for number in range(3):
            turn = [Message("user", f"{number}".ljust(30)), *answered]
            conversations.add(connection, replace(place, job=ids.new()), Added(turn))
        heard = conversations.said(connection, place, after=None, to=None).read()
    assert [message.content[0] for message in heard if message.role == "user"] == ["1", "2"]
    assert [message.content for message in heard if message.role == "tool"] == [messages.LEFT_OUT, "y" * 8]
    assert len(heard) == 2 * (1 + len(answered))

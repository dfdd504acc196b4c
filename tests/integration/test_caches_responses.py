"""The same request has the same answer where a tenant wants that: told at once, and on the bill as a hit."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.agents.agents import Agent
from shared.agents.configuration import AgentConfiguration, Target
from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from tests.support import turning
from tests.support.billing import records, sums
from tests.support.caching import KEY_OF_THE_MODEL, QUESTION, Caller, calls
from tests.support.cells import make_tenant
from tests.support.commands import done
from tests.support.providing import allowed
from tests.support.turning import configure, know, rows, says, steps_of, wants
from tests.support.walking import job, submit
from workers.metering.record import Recorder
from workers.models.chat import ChatRequest
from workers.run.context import Context
from workers.turns.responses import Question, cached_chat


@pytest.fixture
def caller(speaking_cell: Cell) -> Caller:
    return Caller(speaking_cell)


def agent(version: int = 1, **fields: Any) -> Agent:
    return Agent("default", version, AgentConfiguration(**{"model": "rehearsal-1", "cache_seconds": 60} | fields))


def answer(
    caller: Caller, asked: Agent, *, user: str | None = None, words: str = "hello", listener: Any = None
) -> Mapping[str, Any]:
    """What the model of this agent says to these words, or said before."""
    configuration = asked.configuration

    def request(model: str) -> ChatRequest:
        return ChatRequest(model, [{"role": "user", "content": words}], 0.0, 100, ())

    def room(context: Context) -> Mapping[str, Any]:
        def ask() -> dict[str, Any]:
            return context.models.chat(
                "0.model", configuration.targets, lambda route: request(route.model), timeout=10, listener=listener
            )

        question = Question(asked, user, request(configuration.model).body)
        return cached_chat(context, "0.model", question, ask, listener=listener)

    said: Mapping[str, Any] = caller.run(room)
    return said


def test_the_same_request_has_the_same_answer_and_is_paid_for_once(caller: Caller, model: Rehearsal) -> None:
    first = answer(caller, agent())
    assert answer(caller, agent()) == first
    assert calls(model) == 1
    assert caller.hits() == [("model", "rehearsal-1", "openai", 0, 0)]


def test_whatever_an_answer_depends_on_makes_another_request(caller: Caller, model: Rehearsal) -> None:
    answer(caller, agent())
    answer(caller, agent(version=2))
    answer(caller, agent(), user="ann")
    answer(caller, agent(), words="goodbye")
    know(caller.cell, "acme", "lifts", "The red lift goes to the roof.")
    answer(caller, agent())
    assert (calls(model), caller.hits()) == (5, [])


def test_what_may_not_be_asked_any_more_is_not_answered_from_before_either(caller: Caller, model: Rehearsal) -> None:
    answer(caller, agent())
    allowed(caller.cell, "another")
    with pytest.raises(AssertionError, match="tier 'pro' does not allow this model"):
        answer(caller, agent())
    allowed(caller.cell, "rehearsal-1")
    assert answer(caller, agent())["content"]
    assert calls(model) == 1


def test_nothing_is_kept_where_it_was_not_asked_for_or_is_over(caller: Caller, model: Rehearsal) -> None:
    for _ in range(2):
        answer(caller, agent(cache_seconds=0))
    assert rows(caller.cell, "acme", "SELECT 1 FROM tenant.cached") == []
    answer(caller, agent())
    rows(caller.cell, "acme", "UPDATE tenant.cached SET expires_at = now() RETURNING 1")
    answer(caller, agent())
    assert (calls(model), caller.hits()) == (4, [])


def test_what_another_model_answered_and_what_was_cut_short_is_not_kept(caller: Caller, model: Rehearsal) -> None:
    chosen = agent(model="gpt-4.1", provider="nowhere", fallbacks=[Target(model="rehearsal-1")])
    for _ in range(2):
        assert answer(caller, chosen)["model"] == "rehearsal-1"
    model.settings(script=[{"text": "to be", "finish_reason": "length"}])
    for _ in range(2):
        assert answer(caller, agent())["finish_reason"] == "length"
    assert (calls(model), caller.hits()) == (4, [])


def test_an_answer_that_says_nothing_is_not_kept(caller: Caller, model: Rehearsal) -> None:
    model.settings(script=[says(" ")])
    assert answer(caller, agent())["content"] == " "
    model.settings(script=[says("To the roof.")])
    assert answer(caller, agent())["content"] == "To the roof."
    assert caller.hits() == []


class Heard:
    """Listens to a step."""

    def __init__(self) -> None:
        self.begun, self.words = 0, list[str]()

    def begin(self) -> None:
        self.begun += 1

    def __call__(self, text: str) -> None:
        self.words.append(text)


def test_an_answer_that_is_kept_is_told_at_once(caller: Caller) -> None:
    first, second = Heard(), Heard()
    said = answer(caller, agent(), listener=first)
    answer(caller, agent(), listener=second)
    assert "".join(first.words) == said["content"]
    assert (second.begun, second.words) == (1, [said["content"]])


def test_a_turn_that_is_answered_from_the_cache_uses_its_tools_anew(speaking_cell: Cell, model: Rehearsal) -> None:
    """The first turn remembers something; so the second asks otherwise, and the third asks what the second did."""
    cell, slot = speaking_cell, turning.Slot(speaking_cell)
    key = make_tenant(cell, "acme").secret
    configure(cell, "acme", tools=["search_knowledge", "remember"], cache_seconds=60)
    know(cell, "acme", "lifts", "The red lift goes to the roof.")
    noted = ("remember", {"name": "lift", "content": "red"})
    model.settings(script=[wants(("search_knowledge", {"query": QUESTION}), noted), says("To the roof.")])
    ended, remembered = [], set()
    for conversation in ("one", "two", "three"):
        asked = {"conversation": conversation, "message": QUESTION, "userIdentifier": "ann"}
        turn = submit(cell, "agent.turn", asked, key)
        slot.serve()
        ended.append(job(cell, "acme", turn))
        assert ended[-1]["state"] == "done", ended[-1]["error"]
        steps = {step["place"]: step["from_cache"] for step in steps_of(cell, "acme", turn)}
        assert [steps["0.model"], steps["1.model"]] == [conversation == "three"] * 2
        assert [steps["0.tool.0"], steps["0.tool.1"]] == [False] * 2
        (memory,) = rows(cell, "acme", "SELECT remembered_at FROM tenant.memories")
        remembered.add(memory["remembered_at"])
    assert len(remembered) == 3
    assert ended[1]["result"] | {"conversation": "three"} == ended[2]["result"]
    assert calls(model) == 2 * 2 + 1, "two rounds of two turns, and the question's vector"


def test_a_hit_is_on_the_bill_as_a_hit_and_at_no_tokens(caller: Caller, model: Rehearsal) -> None:
    cell = caller.cell
    for _ in range(3):
        answer(caller, agent())
    while Recorder(cell).record() == 0.0:
        pass
    by_meter = [(row["meter"], row["quantity"], row["cost_nano"]) for row in records(cell)]
    assert [drew for drew in by_meter if drew[0] == "cache_hits"] == [("cache_hits", 1, 0)] * 2
    served = model.total(KEY_OF_THE_MODEL)
    tokens = sum(quantity for meter, quantity, _ in by_meter if meter.startswith("tokens."))
    assert tokens == served.input_tokens + served.output_tokens
    assert sums(cell, "rollups") == sums(cell, "usage_records")
    shown = done(cell.settings, "usage", "--json").document["billed"]["rows"]
    assert next((row["meter"], row["quantity"]) for row in shown) == ("cache_hits", 2)

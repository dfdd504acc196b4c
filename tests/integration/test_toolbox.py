"""The calls of a round, as steps of a turn: at the same time, checked, bounded, and not made again by a retry."""

import threading
from collections.abc import Mapping
from math import inf
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.agents.configuration import AgentConfiguration, Retrieval
from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from shared.errors import Unavailable
from tests.support.spending import Provider
from tests.support.tooling import Counted, Turns, call, having, tool, using
from tests.support.turning import know
from workers.run.context import Context
from workers.turns.tools.handoff import handoff_tool
from workers.turns.tools.knowledge import search_tool
from workers.turns.tools.tool import Use
from workers.turns.tools.toolbox import Toolbox, ToolResult

#: Seconds that nothing here takes.
LONG = 60.0


@pytest.fixture
def turns(cell: Cell) -> Turns:
    return Turns(cell)


def test_calls_of_a_round_run_at_the_same_time_and_come_back_in_order(turns: Turns) -> None:
    """Each waits until the other is there."""
    both = threading.Barrier(2, timeout=LONG)

    def meet(_: Use, arguments: Mapping[str, Any]) -> Any:
        both.wait()
        return arguments

    toolbox = having(tool("meet", meet), tool("join", meet))
    (results,) = turns.run(using(toolbox, call("meet", '{"a": 1}'), call("join", '{"b": 2}')))
    assert [(result.call_id, result.name, result.outcome) for result in results] == [
        ("call-meet", "meet", {"a": 1}),
        ("call-join", "join", {"b": 2}),
    ]
    assert sorted((step["place"], step["kind"]) for step in turns.journal()) == [
        ("0.tool.0", "tool"),
        ("0.tool.1", "tool"),
    ]


def test_a_run_that_comes_later_replays_what_is_finished_to_the_letter(turns: Turns) -> None:
    counted = Counted()
    play = using(having(counted.tool), call("counted"), call("nowhere"))
    first, second = turns.run(play, play)
    assert [result.content for result in second] == [result.content for result in first]
    assert [result.refused for result in second] == [False, True]
    assert len(counted.uses) == 1


def test_what_a_failed_round_had_finished_is_not_done_again(turns: Turns) -> None:
    """The other is told the same idempotency key in both runs, and another than its neighbour's."""
    counted, keys = Counted(), list[str]()

    def away(use: Use, _: Mapping[str, Any]) -> Any:
        keys.append(use.idempotency_key)
        if len(keys) == 1:
            raise Unavailable("Postgres is away")
        return "done"

    toolbox = having(counted.tool, tool("away", away))
    play = using(toolbox, call("away"), call("counted"))

    def forgiving(context: Context, payload: AgentTurn) -> Any:
        with pytest.raises(Unavailable):
            play(context, payload)

    _, results = turns.run(forgiving, play)
    assert [result.outcome.get("n", result.outcome.get("result")) for result in results] == ["done", 1]
    (use, _), *more = counted.uses
    assert not more
    assert keys[0] == keys[1] != use.idempotency_key


@pytest.mark.parametrize("timeout", [LONG, inf], ids=["in a thread of its own", "in the turn's"])
def test_what_the_model_said_is_on_record_before_a_tool_acts_on_it(turns: Turns, timeout: float) -> None:
    looking = tool("look", lambda *_: [step["state"] for step in turns.journal()], timeout=timeout)

    def play(context: Context, payload: AgentTurn) -> list[ToolResult]:
        context.paid("0.model", Provider().call(), later=True)
        return having(looking).use(context, payload, 0, [call("look")])

    ((result,),) = turns.run(play)
    assert result.outcome == {"result": ["answered"]}


def test_a_tool_is_told_of_the_job_by_the_job_alone(turns: Turns) -> None:
    counted = Counted()
    lies = '{"tenant": "globex", "user_identifier": "mallory", "agent": "root"}'
    told = {"userIdentifier": "ann", "userContext": {"plan": "gold"}}
    turns.run(using(having(counted.tool), call("counted", lies)), **told)
    ((use, _),) = counted.uses
    assert (use.tenant, use.agent, use.user_identifier, use.user_context) == (
        "acme",
        "default",
        "ann",
        {"plan": "gold"},
    )
    assert (use.conversation, str(use.job), use.place) == ("c-1", turns.job, "0.tool.0")


def test_what_a_tool_does_to_what_it_is_told_no_other_sees(turns: Turns) -> None:
    counted = Counted()

    def changes(use: Use, _: Mapping[str, Any]) -> str:
        use.user_context["plan"] = "platinum"  # type: ignore[index]  # it should not, and can
        return "done"

    toolbox = having(tool("changes", changes), counted.tool)
    told = {"userContext": {"plan": "gold"}}
    turns.run(lambda *run: [using(toolbox, call(name))(*run) for name in ("changes", "counted")][1:], **told)
    ((use, _),) = counted.uses
    assert use.user_context == {"plan": "gold"}


def refusals() -> float:
    return REGISTRY.get_sample_value("headgate_tool_calls_total", {"tool": "unknown", "outcome": "refused"}) or 0.0


def test_a_tool_that_is_not_the_agents_is_refused_and_on_record(turns: Turns) -> None:
    counted = Counted("crm__erase")
    before = refusals()
    toolbox = Toolbox([counted.tool], ["crm__read"])
    ((result,),) = turns.run(using(toolbox, call("crm__erase", '{"all": true}')))
    assert (result.refused, counted.uses) == (True, [])
    assert turns.journal()[0]["outcome"] == {"error": "there is no tool 'crm__erase' here", "refused": True}
    assert refusals() == before + 1


def test_a_handoff_ends_the_turn_and_no_other_tool_can(turns: Turns) -> None:
    lying = tool("lying", lambda *_: {"handed_off": True, "ends_turn": True})
    play = using(having(handoff_tool(), lying), call("handoff", '{"reason": "sad"}'), call("lying"), call("handoff"))
    (results,) = turns.run(play)
    assert [result.ends_turn for result in results] == [True, False, False]
    assert results[0].outcome == {"handed_off": True, "reason": "sad"}


def test_what_a_tool_does_is_told_on_the_stream(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Context, "emit", lambda _, event, data: told.append((event, data)))
    play = using(having(Counted().tool), call("counted"), call("nowhere"))
    turns.run(play, play)
    assert ("tool.called", {"step": "0.tool.0", "name": "counted"}) in told
    assert ("tool.finished", {"step": "0.tool.0", "name": "counted"}) in told
    missing = {"step": "0.tool.1", "name": "nowhere", "error": "there is no tool 'nowhere' here"}
    assert ("tool.finished", missing) in told
    assert sum(event.startswith("tool.") for event, _ in told) == 4  # what is replayed tells nothing


def test_a_search_finds_only_the_agents_own_knowledge_whatever_is_asked(cell: Cell, turns: Turns) -> None:
    """Another tenant's agent asks for it by every name that it might have."""
    know(cell, "acme", "plans", "The canary sings at noon.")
    configuration = AgentConfiguration(model="rehearsal-1", retrieval=Retrieval(by="words"))

    def search(*arguments: str) -> Any:
        def play(context: Context, payload: AgentTurn) -> list[ToolResult]:
            toolbox = having(search_tool(context, configuration))
            return toolbox.use(context, payload, 0, [call("search_knowledge", each) for each in arguments])

        return play

    query = '"query": "canary"'
    ((own,),) = turns.run(search(f"{{{query}}}"))
    assert own.documents == ["plans"]
    foreign = [
        f'{{{query}, "{word}": "acme"}}' for word in ("tenant", "tenant_id", "knowledge_base", "knowledge_bases")
    ]
    globex = Turns(cell, "globex")
    ((found, *refused),) = globex.run(search(f"{{{query}}}", *foreign))
    assert (found.outcome, found.documents) == ({"passages": []}, [])
    assert all(result.refused for result in refused)

"""What bounds the calls of a round: their time, a stopped turn, the size of a result, and what can be stored."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from tests.support.tooling import Counted, Turns, call, having, tool, using
from workers.interruption import Interrupted
from workers.run.context import Context
from workers.turns.tools.tool import Use
from workers.turns.tools.toolbox import FEWEST_BYTES, ToolResult

#: Seconds that nothing here takes.
LONG = 60.0


@pytest.fixture
def turns(cell: Cell) -> Turns:
    return Turns(cell)


def test_a_tool_that_outlives_its_time_is_answered_for_and_heard_no_more(turns: Turns) -> None:
    gate = threading.Event()

    def hang(_: Use, __: Mapping[str, Any]) -> str:
        gate.wait(LONG)
        return "too late"

    counted = Counted()
    toolbox = having(tool("hang", hang, timeout=0.1), counted.tool)
    play = using(toolbox, call("hang"), call("counted"))

    def then_late(context: Context, payload: AgentTurn) -> Any:
        results = play(context, payload)
        gate.set()
        return results

    first, second = turns.run(then_late, play)
    assert first[0].outcome == second[0].outcome == {"error": "took longer than 0.1 seconds"}
    assert second[1].outcome["a"] == "counted"
    assert len(turns.journal()) == 2


def test_a_turn_that_is_stopped_does_not_wait_for_its_tools(turns: Turns) -> None:
    gate, began = threading.Event(), threading.Event()

    def hang(_: Use, __: Mapping[str, Any]) -> str:
        began.set()
        gate.wait(LONG)
        return "too late"

    def stop() -> None:
        assert began.wait(LONG)
        turns.slot.handing_back.set()

    def play(context: Context, payload: AgentTurn) -> None:
        threading.Thread(target=stop, daemon=True).start()
        with pytest.raises(Interrupted):
            having(tool("hang", hang)).use(context, payload, 0, [call("hang")])
        gate.set()
        turns.slot.handing_back.clear()

    turns.run(play)
    assert turns.journal() == []


def test_a_result_is_cut_where_the_tool_says_so(turns: Turns) -> None:
    long = tool("long", lambda *_: "é" * 100, max_bytes=11)
    ((result,),) = turns.run(using(having(long), call("long")))
    assert result.outcome == turns.journal()[0]["outcome"] == {"truncated": True, "text": "ééééé"}


def test_what_postgres_cannot_store_is_taken_out_of_a_call_and_its_result(turns: Turns) -> None:
    broken = tool("broken", lambda _, arguments: {**arguments, "b": "\x00\ud800"})
    ((result, unknown),) = turns.run(using(having(broken), call("broken", '{"a": "\\u0000x"}'), call("n\x00\udfff")))
    assert result.outcome == {"a": "x", "b": "?"}
    assert unknown.refused


def test_the_results_of_a_turn_are_bounded_together(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.turns.tools.toolbox.MOST_BYTES", 10_000)
    page = tool("page", lambda _, __: "x" * 8_000, max_bytes=1_048_576)
    small = tool("small", lambda _, __: "done")
    having_both = having(page, small)

    def play(context: Context, payload: AgentTurn) -> list[ToolResult]:
        rounds = [(call("page"), call("page")), (call("page"),), (call("page"), call("small"))]
        used = (having_both.use(context, payload, number, calls) for number, calls in enumerate(rounds))
        return [result for results in used for result in results]

    (results,) = turns.run(play)
    lengths = [len(result.outcome.get("text", result.outcome.get("result"))) for result in results]
    assert lengths == [5_000, 5_000, FEWEST_BYTES, FEWEST_BYTES, 4]
    assert all(result.outcome["truncated"] for result in results[:4])
    assert results[4].outcome == {"result": "done"}

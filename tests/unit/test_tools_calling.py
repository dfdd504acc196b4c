"""One call of a tool: whatever a model asks and whatever a tool does, there is a result to show."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Unavailable
from tests.support.tooling import asked, tool
from workers.interruption import Interrupted, Interruption
from workers.turns.knowledge import sources
from workers.turns.tools.calling import MESSAGE, answered
from workers.turns.tools.handoff import handoff_tool
from workers.turns.tools.tool import ToolFailed, ToolRefused, Use
from workers.turns.tools.toolbox import Toolbox, ToolResult


def raising(error: BaseException) -> Any:
    def act(_: Use, __: Mapping[str, Any]) -> Any:
        raise error

    return tool("raises", act)


def test_a_tool_that_the_agent_does_not_have_is_refused() -> None:
    assert answered(asked("drop_tables", "{}", None)) == {
        "error": "there is no tool 'drop_tables' here",
        "refused": True,
    }


def test_a_refusal_and_a_failure_are_told() -> None:
    assert answered(asked("raises", "{}", raising(ToolRefused("not you")))) == {"error": "not you", "refused": True}
    assert answered(asked("raises", "{}", raising(ToolFailed("no luck")))) == {"error": "no luck"}


@pytest.mark.parametrize("error", [ToolFailed, ToolRefused])
def test_what_went_wrong_is_told_in_bounds(error: type[Exception]) -> None:
    """Strangers word it: a server's broken header was told whole, 96 KB, where answers are cut at one."""
    told = answered(asked("raises", "{}", raising(error("\x01" * 100_000))))
    assert told["error"] == "\x01" * MESSAGE


def test_what_broke_in_a_tool_is_not_told_to_the_model() -> None:
    told = answered(asked("raises", "{}", raising(RuntimeError("password=hunter2"))))
    assert told == {"error": "the tool broke; what happened is on record"}


@pytest.mark.parametrize("error", [Interrupted(Interruption.STOPPING), Unavailable("Postgres is away")])
def test_what_ends_the_run_is_no_answer(error: Exception) -> None:
    with pytest.raises(type(error)):
        answered(asked("raises", "{}", raising(error)))


def test_an_argument_too_many_is_refused() -> None:
    told = answered(asked("handoff", '{"reason": "r", "tenant": "globex"}', handoff_tool()))
    assert told["refused"] is True
    assert "tenant" in told["error"]


def test_what_is_offered_is_what_is_permitted_in_a_stable_order() -> None:
    tools = [tool(name, lambda *_: None) for name in ("recall", "handoff", "crm__read", "crm__write", "erp__read")]
    offered = Toolbox(tools, ["recall", "crm__*", "erp__write", "ghost"]).offered()
    assert [each["function"]["name"] for each in offered] == ["crm__read", "crm__write", "recall"]


def test_the_first_of_two_tools_with_one_name_is_meant() -> None:
    tools = [tool("a", lambda *_: 1, parameters={"type": "object", "title": "first"}), tool("a", lambda *_: 2)]
    (offered,) = Toolbox(tools, ["a"]).offered()
    assert offered["function"]["parameters"]["title"] == "first"


def test_only_a_search_is_believed_about_documents() -> None:
    found = {"passages": [{"document": "b"}]}
    results = [ToolResult("1", "crm__read", {"passages": [5]}), ToolResult("2", "search_knowledge", found)]
    assert sources(results, {"passages": [{"document": "a"}]}) == ["a", "b"]


@settings(deadline=None)
@given(name=st.text(), arguments=st.text() | st.just("{}"), exists=st.booleans(), answer=st.text() | st.floats())
def test_whatever_is_asked_for_there_is_a_result(name: str, arguments: str, exists: bool, answer: Any) -> None:
    told = answered(asked(name, arguments, tool("t", lambda *_: answer) if exists else None))
    assert isinstance(told, dict)
    assert orjson.dumps(told)
    assert exists or told["refused"] is True

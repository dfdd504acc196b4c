"""Tools of an operator's own, installed as packages are."""

import math
from pathlib import Path

import pytest

from shared.agents import tools as names
from tests.support.tooling import asked, installed
from workers.turns.entry_points import Broken
from workers.turns.tools.calling import answered
from workers.turns.tools.own import known, own_tools

CODE = """
import math, sys
from shared.errors import HeadgateError
from workers.turns.tools.tool import Tool

def made(name, **more):
    return Tool(name, "…", {"type": "object"}, lambda use, arguments: f"{use.tenant}: {arguments}", **more)

weather = made("weather")
making = lambda: made("making")
other = made("another")
endless = made("endless", timeout=math.inf)
exits = Tool("exits", "…", {"type": "object"}, lambda use, arguments: sys.exit(3))
recall = made("recall")

class Away(HeadgateError):
    pass

def is_away(use, arguments):
    raise Away("hunter2")

away = Tool("away", "…", {"type": "object"}, is_away)
number = 5

def explodes():
    raise RuntimeError("no licence")

def leaves():
    sys.exit(1)
"""

GROUP = "headgate.tools"


def test_a_tool_and_what_makes_one_are_found_by_their_names(tmp_path: Path) -> None:
    with installed(tmp_path, {GROUP: {"weather": "weather", "making": "making"}}, CODE):
        assert set(names.installed()) == {"weather", "making"}
        tools = own_tools(["search_knowledge", "weather", "making"])
        assert [tool.name for tool in tools] == ["making", "weather"]
        assert answered(asked("weather", '{"a": 1}', tools[1])) == {"result": "acme: {'a': 1}"}


@pytest.mark.parametrize(
    ("name", "where", "why"),
    [
        ("gone", "nowhere", "AttributeError"),
        ("lost", "no_such_module:tool", "ModuleNotFoundError"),
        ("explodes", "explodes", "no licence"),
        ("leaves", "leaves", "SystemExit"),
        ("number", "number", "int"),
        ("misnamed", "other", "calls itself 'another'"),
        ("endless", "endless", "timeout"),
        ("bad.name", "weather", "calls itself"),
    ],
)
def test_a_tool_that_cannot_be_used_is_told_to_the_agent_that_has_it_and_to_no_other(
    tmp_path: Path, name: str, where: str, why: str
) -> None:
    with installed(tmp_path, {GROUP: {name: where, "weather": "weather"}}, CODE):
        assert [tool.name for tool in own_tools(["weather"])] == ["weather"]
        with pytest.raises(Broken, match=name) as raised:
            own_tools(["weather", name])
        assert why in str(raised.value)


def test_a_tool_cannot_take_the_name_of_one_that_comes_with_headgate(tmp_path: Path) -> None:
    with installed(tmp_path, {GROUP: {"recall": "recall"}}, CODE):
        assert own_tools(["recall"]) == []
        assert "none of" in str(known()["recall"])


def test_a_tool_that_is_not_installed_is_told_to_the_agent_that_has_it() -> None:
    with pytest.raises(Broken, match="'ghost' is not installed here"):
        own_tools(["recall", "crm__read", "ghost"])


def test_two_packages_with_a_tool_of_one_name_are_both_left_out(tmp_path: Path) -> None:
    with (
        installed(tmp_path / "a", {GROUP: {"weather": "weather"}}, CODE, module="one"),
        installed(tmp_path / "b", {GROUP: {"weather": "making"}}, CODE, module="other"),
        pytest.raises(Broken, match="two packages"),
    ):
        own_tools(["weather"])


def test_a_tool_cannot_end_its_process(tmp_path: Path) -> None:
    with installed(tmp_path, {GROUP: {"exits": "exits"}}, CODE):
        (exits,) = own_tools(["exits"])
        assert answered(asked("exits", "{}", exits)) == {"error": "the tool tried to end the process"}
        assert not math.isinf(exits.timeout)


def test_a_tool_breaks_and_does_not_fail_its_run_whatever_it_raises(tmp_path: Path) -> None:
    with installed(tmp_path, {GROUP: {"away": "away"}}, CODE):
        (away,) = own_tools(["away"])
        assert answered(asked("away", "{}", away)) == {"error": "the tool broke; what happened is on record"}

"""What a tool answers, as a JSON object of a bounded size that can be stored."""

from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.turns.tools.results import fitted
from workers.turns.tools.tool import ToolFailed

TEXTS = st.text(st.characters(), max_size=300)


def test_an_object_is_shown_as_it_is_and_anything_else_as_a_result() -> None:
    assert fitted({"found": [1, None]}, 100) == {"found": [1, None]}
    assert fitted([1, 2], 100) == {"result": [1, 2]}
    assert fitted(date(2026, 1, 2), 100) == {"result": "2026-01-02"}


def test_what_is_too_long_is_cut_between_two_characters() -> None:
    assert fitted("aéé", 4) == {"truncated": True, "text": "aé"}
    assert fitted({"words": "x" * 50}, 20) == {"truncated": True, "text": '{"words":"xxxxxxxxxx'}


def test_what_postgres_cannot_store_is_taken_out() -> None:
    assert fitted({"a\x00": ["b\x00c", "d\ud800"]}, 100) == {"a": ["bc", "d?"]}


def test_a_number_that_would_come_back_from_postgres_as_another_is_a_text() -> None:
    assert fitted({"far": 1e22, "near": 1.5, "count": 2**53}, 100) == {"far": "1e+22", "near": 1.5, "count": 2**53}


def _cycle() -> list[Any]:
    around: list[Any] = []
    around.append(around)
    return around


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize("made", [object, lambda: {1, 2}, lambda: {object(): 1}, _cycle, _deep, lambda: b"\xff"])
def test_what_is_no_json_is_a_failure_of_the_tool(made: Any) -> None:
    with pytest.raises(ToolFailed, match="no JSON"):
        fitted(made(), 100)


@settings(deadline=None)
@given(
    answered=st.recursive(
        TEXTS | st.floats() | st.integers(), lambda part: st.lists(part) | st.dictionaries(TEXTS, part)
    )
)
def test_whatever_is_answered_can_be_stored_and_is_bounded(answered: Any) -> None:
    try:
        shown = fitted(answered, 200)
    except ToolFailed:
        return
    told = orjson.dumps(shown)
    assert b"\\u0000" not in told
    assert len(told) <= 6 * 200 + 64  # a control character is six when it is written as JSON

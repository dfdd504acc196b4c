"""Arguments as a model wrote them: strictly read, held against a schema, and bounded whatever either of them is."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from workers.turns.tools.arguments import BadArguments, checked
from workers.turns.tools.knowledge import PARAMETERS

#: Seconds in which whatever is checked is checked, on a busy machine.
SOON = 10.0

Json = Any

JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=12,
)

KEYWORDS = st.sampled_from([*Draft202012Validator.VALIDATORS, "$schema", "$id", "$defs", "$anchor", "$dynamicAnchor"])

#: What looks like a schema, and is one now and then.
SCHEMAS = st.recursive(
    JSON | st.sampled_from(["object", "string", "#", "#/$defs/a", "http://json-schema.org/draft-07/schema#", "(a+)+$"]),
    lambda parts: st.dictionaries(KEYWORDS, parts, max_size=4) | st.lists(parts, max_size=3),
    max_leaves=12,
)


def test_arguments_are_what_the_schema_asks_for() -> None:
    assert checked('{"query": "caf\\u00e9"}', PARAMETERS) == {"query": "café"}
    assert checked("", {"type": "object"}) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"query": 5}', r"\$\.query: 5 is not of type 'string'"),
        ("{}", "'query' is a required property"),
        ('{"query": "a", "query": "b"}', "stands there twice"),
        ('{"query": NaN}', "NaN"),
        ('{"query": 1e999}', "too large"),
        (f'{{"query": {"9" * 30}}}', "too large"),
        (f'{{"query": {"9" * 5000}}}', "no valid JSON"),
        ("[]", "must be a JSON object"),
        ("{", "no valid JSON"),
        ('{"query": "' + "x" * 70_000 + '"}', "too long"),
        ('{"a":' + "[" * 30_000 + "]" * 30_000 + "}", "deeper than 32"),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", "deeper than 32"),
        ('{"a":[' + "1," * 3000 + "1]}", "more than 2000 values"),
    ],
)
def test_what_is_wrong_with_arguments_is_told_in_a_short_line(text: str, told: str) -> None:
    with pytest.raises(BadArguments, match=told) as raised:
        checked(text, PARAMETERS)
    assert len(str(raised.value)) <= 300
    assert "\n" not in str(raised.value)


def test_an_argument_that_a_tool_does_not_have_is_foreign() -> None:
    with pytest.raises(BadArguments, match="tenant") as raised:
        checked('{"query": "x", "tenant": "globex"}', PARAMETERS)
    assert raised.value.foreign


def test_what_cannot_be_stored_does_not_reach_a_tool() -> None:
    assert checked('{"query": "a\\u0000b\\ud800c"}', PARAMETERS) == {"query": "ab?c"}


DOUBLING = {f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(40)}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
BACKTRACKS = {"$schema": DRAFT_7, "pattern": "(a+)+$"}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/d0", "$defs": DOUBLING | {"d40": {"type": "object"}}},
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$schema": "http://127.0.0.1:9/dialect", "$ref": "#nowhere"},
        {"type": "a thing"},
        {"minimum": "five"},
    ],
    ids=["doubling", "itself", "elsewhere", "unknown dialect", "no type", "no number"],
)
def test_a_schema_that_cannot_be_checked_by_lets_nothing_through(schema: dict[str, Any]) -> None:
    began = time.monotonic()
    with pytest.raises(BadArguments, match="schema"):
        checked('{"query": "x"}', schema)
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"query": BACKTRACKS}},
        {
            "$schema": DRAFT_7,
            "properties": {"query": {"allOf": [BACKTRACKS, {"$ref": "#/$defs/b"}]}},
            "$defs": {"b": BACKTRACKS},
        },
        {"propertyNames": BACKTRACKS},
        {"patternProperties": {"(a+)+$": False}, "additionalProperties": False},
        {"patternProperties": {"(a+)+$": False}, "unevaluatedProperties": False},
    ],
)
def test_a_pattern_that_backtracks_holds_nobody(schema: dict[str, Any]) -> None:
    """Each of these would take years."""
    name, began = "a" * 60 + "!", time.monotonic()
    assert checked(json.dumps({"query": name, name: 1}), schema)
    assert time.monotonic() - began < SOON


def test_items_that_cannot_be_sorted_are_compared_in_no_time() -> None:
    items = [{"number": number} for number in range(900)]
    began = time.monotonic()
    assert checked(json.dumps({"a": items}), {"properties": {"a": {"uniqueItems": True}}})
    with pytest.raises(BadArguments, match="not all different"):
        checked(json.dumps({"a": [*items, items[0]]}), {"properties": {"a": {"uniqueItems": True}}})
    assert time.monotonic() - began < SOON


@settings(deadline=None)
@given(text=st.text() | JSON.map(json.dumps), schema=SCHEMAS)
def test_whatever_a_model_and_a_schema_say_the_arguments_pass_or_are_bad(text: str, schema: Any) -> None:
    try:
        read = checked(text, schema)
    except BadArguments as error:
        told = str(error)
    else:
        told = "fine"
        assert isinstance(read, dict)
    assert 0 < len(told) <= 300

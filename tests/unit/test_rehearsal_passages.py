"""Passages are read from whatever a search tool wrote down, and never break the model."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rehearsal.passages import Passage, passages_in

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["text", "title", "passages", "x"]), inner),
)


@pytest.mark.parametrize(
    "found",
    [
        [{"title": "Lists", "text": "A list."}],
        {"passages": [{"title": "Lists", "text": "A list."}]},
        {"results": [{"source": "Lists", "content": "A list.", "score": 0.7}]},
        {"title": "Lists", "text": "A list."},
    ],
)
def test_passage_is_read_from_every_usual_shape(found: object) -> None:
    assert passages_in(json.dumps(found)) == [Passage("A list.", "Lists")]


def test_plain_text_is_one_passage_without_a_title() -> None:
    assert passages_in("A list.") == [Passage("A list.")]


@pytest.mark.parametrize("nothing", ["", " ", "[]", "{}", "null", '{"passages": []}', '[{"text": ""}]'])
def test_empty_result_has_no_passages(nothing: str) -> None:
    assert passages_in(nothing) == []


@given(JSON)
def test_any_json_is_read(found: object) -> None:
    assert all(passage.text.strip() for passage in passages_in(json.dumps(found)))


def test_deep_json_is_read() -> None:
    assert passages_in("[" * 1000 + "]" * 1000) == []


def test_sentences_end_at_stops_and_paragraphs() -> None:
    passage = Passage("Lists\n*****\n\nA list, e.g. of\nnames, is mutable. It may be sorted!\n\nSo:\n\n   sort()")
    assert passage.sentences() == ["A list, e.g. of names, is mutable.", "It may be sorted!"]


def test_passage_without_a_whole_sentence_is_quoted_in_fragments() -> None:
    assert Passage("Lists\n=====\n\nmutable").sentences() == ["Lists", "mutable"]

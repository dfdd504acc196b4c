"""Counting, cutting and stretching by tokens agree with one another."""

from hypothesis import given
from hypothesis import strategies as st

from shared.rehearsal import tokens


@given(st.text(), st.integers(1, 50))
def test_pieces_join_to_the_text_and_are_as_many_as_its_tokens(text: str, size: int) -> None:
    pieces = tokens.pieces(text, size)
    assert "".join(pieces) == text
    assert sum(map(tokens.count, pieces)) == tokens.count(text)


@given(st.text(), st.integers(1, 50))
def test_beginning_has_no_more_tokens_than_asked_for(text: str, most: int) -> None:
    assert tokens.count(tokens.first(text, most)) == min(most, tokens.count(text))


@given(st.text(), st.integers(1, 500))
def test_stretched_text_has_exactly_the_tokens_asked_for(text: str, size: int) -> None:
    assert tokens.count(tokens.stretched(text, size)) == size

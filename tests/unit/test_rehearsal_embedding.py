"""Vectors of texts that share words lie close together; all have length one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rehearsal.embedding import embed
from shared.rehearsal.words import stem


def closeness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


@given(st.text(max_size=200))
def test_vector_has_length_one_or_is_of_a_text_without_words(text: str) -> None:
    assert math.hypot(*embed(text)) == pytest.approx(1 if text.strip() else 0, abs=1e-5)


def test_question_lies_closer_to_the_passage_that_shares_its_words() -> None:
    question = "How do I sort a list in reverse?"
    passage = "The sorting of lists is stable; pass reverse=True to have them sorted in descending order."
    stranger = "A socket is bound to an address before it listens for connections from other machines."
    assert closeness(question, passage) > 3 * closeness(question, stranger)


def test_common_words_alone_bring_nothing_together() -> None:
    assert closeness("what is the use of a decorator", "what is the use of a socket") < 0.2


@pytest.mark.parametrize(
    "forms",
    [["iterate", "iterates", "iterated"], ["stop", "stopping"], ["class", "classes"], ["call", "calls", "called"]],
)
def test_forms_of_a_word_have_one_stem(forms: list[str]) -> None:
    assert len({stem(form) for form in forms}) == 1

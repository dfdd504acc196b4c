"""Keywords by which users ask for a human: found where they stand whole, in bounded time whoever wrote the words."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.agents.configuration import KEYWORDS, AgentConfiguration
from shared.agents.keywords import said


@pytest.mark.parametrize(
    ("message", "keyword", "stands"),
    [
        ("I want to speak  to\na HUMAN, now", "Speak to a human", True),
        ("Tell me of humanism.", "human", False),
        ("Die STRASSE!", "straße", True),
        ("Un cafe\u0301, s'il vous plaît", "Caf\u00e9", True),
        ("Is it C++?", "c++", True),
        ("Is it C+?", "c++", False),
        ("我要人工客服", "人工", True),
        ("상담원을 바꿔 주세요", "상담원", True),
        ("speak, to a human", "speak to a human", False),
        ("a a b", "a b", True),
        ("\u200b", "\u200b \u200b", False),
    ],
)
def test_a_keyword_stands_where_its_words_and_signs_do(message: str, keyword: str, *, stands: bool) -> None:
    assert said(message, ["unheard of", keyword]) == (keyword if stands else None)


WORDS = st.lists(st.sampled_from(["a", "b", "!", "人"]), min_size=1, max_size=5)


@example([["a", "b", "!"], ["b"]], ["a", "b", "人"])  # one that stands in the midst of another that does not
@given(st.lists(WORDS, max_size=5), st.lists(st.sampled_from(["a", "b", "!", "人", "c"]), max_size=30))
def test_many_keywords_are_found_as_each_alone_would_be(keywords: list[list[str]], message: list[str]) -> None:
    told, named = " ".join(message), [" ".join(keyword) for keyword in keywords]
    alone = [name for name in named if re.search(rf"(^| ){re.escape(name)}( |$)", told)]
    assert (said(told, named) in alone) if alone else (said(told, named) is None)


@pytest.mark.parametrize(
    ("message", "keywords"),
    [
        ("a " * 16_384, [f"{'a ' * (10 + number)}b" for number in range(100)]),
        ("!" * 32_768, [f"{'!' * (number % 120 + 1)}x" for number in range(120)]),
        (("a" + "\u0301\u0316" * 127 + " ") * 128, ["human"] * 256),
        ("a" + "\u0301\u0316" * 16_383, ["human"] * 256),
    ],
)
def test_no_message_takes_long_to_be_searched(message: str, keywords: list[str]) -> None:
    """Some 20 ms each; compared one by one they took up to half a second, and accents put together one second."""
    assert said("warm up", keywords) is None
    begun = time.thread_time()
    assert said(message, keywords) is None
    assert time.thread_time() - begun < 0.2


def test_keywords_are_bounded_together() -> None:
    phrases = [f"{number:03} {'x' * 120}" for number in range(KEYWORDS // 124 + 1)]
    assert AgentConfiguration(model="m", escalation_keywords=phrases[:-1])
    with pytest.raises(ValidationError, match="8,192 characters together: name fewer"):
        AgentConfiguration(model="m", escalation_keywords=phrases)

"""Passages lose nothing, keep their bound, and know the heading above them."""

import time
from pydoc_data.topics import topics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.ingest.headings import headings
from workers.ingest.parse import parse
from workers.ingest.split import LONGEST, split

LINES = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["# Heading", "Title\n=====", "```", "", "", "word " * 60, "x" * 1500, "漢字" * 300, "\t", "e\u0301"]
    ),
)


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(st.lists(LINES, max_size=40).map("\n".join))
def test_split_loses_nothing_and_keeps_the_bound(text: str) -> None:
    passages = split(text, title=None)
    assert squeezed("".join(passage.text for passage in passages)) == squeezed(text)
    assert all(0 < len(passage.text.strip()) <= len(passage.text) <= LONGEST for passage in passages)
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert passages == split(text, title=None)


def test_split_keeps_words_whole_where_there_are_words() -> None:
    text = " ".join(f"word{number}" for number in range(20_000))
    assert " ".join(passage.text for passage in split(text, title=None)) == text


def test_split_makes_passages_of_useful_length() -> None:
    lengths = [len(passage.text) for text in topics.values() if len(text) > 5000 for passage in split(text, title=None)]
    assert 600 < sum(lengths) / len(lengths) < LONGEST


def test_passage_knows_the_nearest_heading_above() -> None:
    body = "Some sentence here. " * 40
    text = f"{body}\n\n# First\n\n{body}\n\nSecond\n======\n\n{body}\n\n```\n# a comment\n```\n\n{body}"
    found = [passage.heading for passage in split(text, title="The title")]
    assert list(dict.fromkeys(found)) == ["The title", "First", "Second"]


def test_short_sections_share_a_passage() -> None:
    assert len(split("# A\n\nOne.\n\n# B\n\nTwo.\n", title=None)) == 1


@pytest.mark.parametrize("text", ["", " ", "\n" * 200_000])
def test_split_of_nothing_is_nothing(text: str) -> None:
    assert split(text, title="t") == []


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("## Two ##", "Two"),
        ("Over\n****", "Over"),
        ('The "with" statement\n********************', 'The "with" statement'),
        ("    # indented code", None),
        ("#hashtag", None),
        ("+---+---+\n|===|===|", None),
        ("```\n# code\n```", None),
        ("a" * 130 + "\n=====", None),
    ],
)
def test_heading_is_told_from_what_only_looks_like_one(line: str, heading: str | None) -> None:
    assert [found.text for found in headings(f"before\n\n{line}\n\nafter")] == ([heading] if heading else [])


@pytest.mark.parametrize(
    "text",
    [
        "a" * (1 << 20),
        "word " * (1 << 18),
        "\n" * 200_000 + "x",
        "a\n\n" * 200_000,
        "漢" * (1 << 19),
        "# a\n" * 200_000,
    ],
    ids=lambda text: text[:4],
)
def test_megabyte_of_anything_is_split_within_seconds(text: str) -> None:
    started = time.process_time()
    split(text, title=None)
    assert time.process_time() - started < 10


def test_reference_of_python_is_parsed_and_split_within_seconds() -> None:
    started = time.process_time()
    for key, text in topics.items():
        parsed = parse(text.encode(), "text/plain", name=key)
        assert parsed.title
        assert split(parsed.text, title=parsed.title)
    assert time.process_time() - started < 5

"""What a search brought back, read out of the conversation's tool results.

The model doesn't know who searched or in which shape the results were written down, as a real one wouldn't. It reads
a JSON list of objects, or of texts, or an object that holds such a list; anything else is one passage of plain text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from shared.rehearsal.requests import Message

#: Names under which tools put the list of passages, the words of one, and where it comes from.
LISTS = ("passages", "results", "chunks", "documents", "matches", "items")
WORDS = ("text", "content", "passage", "body")
TITLES = ("title", "document", "source", "name", "uri")

#: A sentence ends at its stop, a paragraph at its blank line.
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n\s*\n")

#: Lines drawn under headings and around tables.
RULE = re.compile(r"([*=~^#-])\1{3,}")


@dataclass(frozen=True, slots=True)
class Passage:
    text: str
    title: str | None = None

    def sentences(self) -> list[str]:
        """What can be quoted: whole sentences, or the fragments where there is no whole one."""
        parts = (" ".join(part.split()) for part in SENTENCE_END.split(RULE.sub("", self.text)))
        fragments = [part for part in parts if part]
        return [part for part in fragments if part.endswith((".", "!", "?"))] or fragments or [self.text.strip()]


def results_since_question(messages: Iterable[Message]) -> list[str]:
    """What tools have answered since the user last spoke."""
    results: list[str] = []
    for message in messages:
        if message.role == "user":
            results = []
        elif message.role in ("tool", "function"):
            results.append(message.text)
    return results


def passages_in(result: str) -> list[Passage]:
    try:
        found = orjson.loads(result)
    except orjson.JSONDecodeError:
        found = result
    return [passage for item in _items(found) if (passage := _passage(item)) and passage.text.strip()]


def _items(found: Any) -> list[Any]:
    inner = _first(found, LISTS) if isinstance(found, dict) else found
    return inner if isinstance(inner, list) else [found]


def _passage(item: Any) -> Passage | None:
    match item:
        case str():
            return Passage(item)
        case dict() if isinstance(text := _first(item, WORDS), str):
            title = _first(item, TITLES)
            return Passage(text, title if isinstance(title, str) else None)
    return None


def _first(found: dict[str, Any], names: Iterable[str]) -> Any:
    return next((found[name] for name in names if found.get(name)), None)

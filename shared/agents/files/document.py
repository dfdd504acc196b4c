"""A document in YAML, as plain values, with the line of each.

Only what a configuration needs of YAML is read: mappings, lists and scalars. Scalars are those of YAML 1.2's core
schema, so that `language: no` is Norwegian and `12:30` no number; but `true` and `false` are words too, for nothing
here is one of two. Anchors, aliases and tags are refused, and the document is bounded in size and depth, since its
author may mean harm.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from shared.agents.saving.problem import Path
from shared.errors import HeadgateError
from shared.texts import is_storable

#: Bytes of a document, and levels of it. A tenant's file has some 5 KiB and seven levels.
LARGEST, DEEPEST = 1_048_576, 32

#: Signs of a scalar that may be a number: what is longer is none that anything here takes.
LONGEST_NUMBER = 32

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")

#: What to do about what the YAML library says.
ADVICE = {
    "mapping values are not allowed here": ": put text that has `: ` in quotes, and indent alike what belongs together",
    r"found character '\t'": ": indent by spaces, not by tabs",
    "found character": ": put text that begins so in quotes",
}

#: As the library says that it was reading text in quotes.
QUOTED = ("while scanning a quoted scalar", "while scanning a double-quoted scalar")


class BadDocument(HeadgateError):  # noqa: N818 - named for what it is about
    """No document; `line` from 1."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(f"line {line}: {said}")
        self.line, self.said = line, said


@dataclass(frozen=True)
class Document:
    """`value` in plain Python; of keys that stand there `twice`, as their places say, the last counts."""

    value: Any
    root: yaml.Node
    twice: Sequence[Path] = ()

    def line(self, path: Path) -> int:
        """Of the value at this place, or of the key that holds it; of the nearest above, where nothing is there."""
        node, line = self.root, _line(self.root)
        for part in path:
            found = _within(node, part)
            if found is None:
                continue  # a step that is only in the model of what should be there
            key, node = found
            line = _line(node if isinstance(node, yaml.ScalarNode) else key)
        return line

    def line_within(self, path: Path, line: int) -> int | None:
        """Of this line of the text at a place; None where YAML has folded its lines into others."""
        node = self._at(path)
        if isinstance(node, yaml.ScalarNode) and node.style == "|":
            return _line(node) + line
        return _line(node) if node and node.start_mark.line == node.end_mark.line else None

    def _at(self, path: Path) -> yaml.Node | None:
        node: yaml.Node | None = self.root
        for part in path:
            found = _within(node, part) if node else None
            node = found[1] if found else None
        return node


def read(content: bytes) -> Document:
    """`BadDocument` where this is not one document of such YAML, in UTF-8."""
    if len(content) > LARGEST:
        raise BadDocument(1, f"it has more than {LARGEST:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDocument(content.count(b"\n", 0, error.start) + 1, "it is not in UTF-8") from error
    root = _composed(text)
    twice: list[Path] = []
    return Document(_value(root, (), twice), root, twice)


def _composed(text: str) -> yaml.Node:
    try:
        root: yaml.Node | None = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadDocument(line, f"it has a character that YAML does not take: {error.reason}") from error
    except yaml.MarkedYAMLError as error:
        raise _misread(error) from error
    except (ValueError, OverflowError) as error:  # an escape of a character that there is not
        raise BadDocument(1, f"no YAML: {error}") from error
    if root is None:
        raise BadDocument(1, "it is empty")
    return root


def _misread(error: yaml.MarkedYAMLError) -> BadDocument:
    """Where it went wrong, and what people mostly meant."""
    said, mark = str(error.problem or error.context), error.problem_mark or error.context_mark
    if error.context in QUOTED and "end of stream" in said:
        mark, said = error.context_mark or mark, "a quote is not closed"
    advice = next((advice for problem, advice in ADVICE.items() if said.startswith(problem)), "")
    return BadDocument(mark.line + 1 if mark else 1, f"no YAML: {said}{advice}")


class _Loader(yaml.SafeLoader):
    """Makes nodes of a text, and no more of them than stand there."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call] # PyYAML's own
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadDocument(line, "anchors and aliases are not read: write it out")
        if getattr(event, "tag", None):
            raise BadDocument(line, f"tags are not read: leave {event.tag!r} out")
        if self.depth >= DEEPEST:
            raise BadDocument(line, f"it is nested deeper than {DEEPEST}")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _value(node: yaml.Node, path: Path, twice: list[Path]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, twice)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), twice) for index, item in enumerate(node.value)]
    return _scalar(node) if isinstance(node, yaml.ScalarNode) else None


def _mapping(node: yaml.MappingNode, path: Path, twice: list[Path]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadDocument(_line(key), "a key must be a word: put text that begins with `{` or `[` in quotes")
        name = _text(key)
        if name in made:
            twice.append((*path, name))
        made[name] = _value(value, (*path, name), twice)
    return made


def _scalar(node: yaml.ScalarNode) -> Any:
    text = _text(node)
    if node.style is not None:
        return text
    if text in NULLS:
        return None
    if len(text) <= LONGEST_NUMBER and WHOLE.fullmatch(text):
        return int(text)
    if len(text) <= LONGEST_NUMBER and DECIMAL.fullmatch(text):
        return float(text)
    return text


def _text(node: yaml.ScalarNode) -> str:
    text = str(node.value)
    if not is_storable(text):
        raise BadDocument(_line(node), "it has a character that cannot be stored")
    return text


def _within(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value of a part of this node; an item of a list is its own key."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == str(part)), None)
    return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1

"""What templates do with values: how each is said, the filters, the tests.

Each of these answers, whatever it is given: a user of whom nothing is known must not end a turn. None makes a text
longer than what goes in, but for a separator or a replacement that stands in the template itself.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: What a user's context says of which nothing is known.
EMPTY = ""

#: Between the parts of a list.
COMMA = ", "


def said(value: object) -> str:
    """A value as text."""
    match value:
        case None:
            return EMPTY
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return COMMA.join(said(part) for part in value)
    return str(value)


def size(value: object) -> int:
    """Characters to go through in a value."""
    if isinstance(value, list | tuple):
        return sum(size(part) for part in value)
    return len(value) if isinstance(value, str) else 1


@dataclass(frozen=True)
class Filter:
    """`takes`: of which types its one argument is, a constant; () where it has none."""

    act: Callable[..., object]
    takes: tuple[type, ...] = ()
    required: bool = False


def _default(value: object, other: object) -> object:
    return other if _unknown(value) else value


def _join(value: object, separator: str = COMMA) -> str:
    return separator.join(said(part) for part in value) if isinstance(value, list | tuple) else said(value)


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else len(said(value))


def _truncate(value: object, length: int) -> str:
    text = said(value)
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


FILTERS: Mapping[str, Filter] = {
    "default": Filter(_default, (str, int, float), required=True),
    "join": Filter(_join, (str,)),
    "length": Filter(_length),
    "lower": Filter(lambda value: said(value).lower()),
    "upper": Filter(lambda value: said(value).upper()),
    "capitalize": Filter(lambda value: said(value).capitalize()),
    "title": Filter(lambda value: said(value).title()),
    "trim": Filter(lambda value: said(value).strip()),
    "truncate": Filter(_truncate, (int,), required=True),
}


def _unknown(value: object) -> bool:
    return value is None or value == EMPTY


def _total(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    """What cannot be compared is not so."""

    def compared(one: object, other: object) -> bool:
        try:
            return bool(compare(one, other))
        except TypeError:
            return False

    return compared


#: What comparisons are made of (`shared.agents.templates.grammar`), each with two operands.
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": _total(operator.lt),
    "lteq": _total(operator.le),
    "gt": _total(operator.gt),
    "gteq": _total(operator.ge),
    "in": _total(lambda part, whole: part in whole),
}

#: `is …`.
TESTS: Mapping[str, Callable[[Any], bool]] = {
    "defined": lambda value: not _unknown(value),
    "undefined": _unknown,
}

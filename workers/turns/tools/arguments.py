"""Arguments as a model wrote them, checked before a tool sees them.

A model writes what it likes, and what it read may have told it to. So what it wrote is bounded first, read strictly,
and then held against the tool's schema (`workers.turns.tools.schemas`). What is wrong is told to the model in one line.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import ValidationError

from shared.errors import HeadgateError
from shared.texts import storable
from workers.turns.tools.schemas import Uncheckable, first_error

#: Bytes of one call's arguments.
MOST_BYTES = 65_536

#: Values within them, and how deep they may lie: far more than a model writes by hand.
MOST_VALUES, DEEPEST = 2000, 32

#: Characters of what is told to the model, and of what it had written within that.
MESSAGE, WRITTEN = 300, 60

#: JSON numbers that are no floats: what a signed 64-bit integer holds.
GREATEST = 2**63 - 1


class BadArguments(HeadgateError):  # noqa: N818 - it names what happened
    """Told to the model. `foreign`: an argument that the tool does not have, such as another tenant's name."""

    def __init__(self, message: str, *, foreign: bool = False) -> None:
        super().__init__(message if len(message) <= MESSAGE else f"{message[: MESSAGE - 1]}…")
        self.foreign = foreign


def checked(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in this text, where they are what the schema asks for; else `BadArguments`."""
    arguments = _read(text)
    try:
        error = first_error(arguments, schema)
    except Uncheckable as reason:
        raise BadArguments(str(reason)) from reason
    if error is not None:
        foreign = error.validator == "additionalProperties"
        raise BadArguments(f"the arguments are not valid: {error.json_path}: {_short(error)}", foreign=foreign)
    return arguments


def _short(error: ValidationError) -> str:
    """What is wrong, without the whole of what it is wrong with."""
    written = repr(error.instance)
    return error.message if len(written) <= WRITTEN else error.message.replace(written, f"{written[:WRITTEN]}…")


def _read(text: str) -> dict[str, Any]:
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise BadArguments(f"the arguments are too long: at most {MOST_BYTES} bytes")
    try:
        read = json.loads(text or "{}", object_pairs_hook=_once, parse_constant=_no_number, parse_float=_number)
    except RecursionError as error:
        raise BadArguments(f"the arguments lie deeper than {DEEPEST} levels") from error
    except ValueError as error:
        raise BadArguments(f"the arguments are no valid JSON: {error}") from error
    if not isinstance(read, dict):
        raise BadArguments("the arguments must be a JSON object")
    left = iter(range(MOST_VALUES))
    return {storable(name): _bounded(part, 1, left) for name, part in read.items()}


def _bounded(value: Any, depth: int, left: Iterator[int]) -> Any:
    """The value with texts that can be stored; `left` has one for each value that there still may be."""
    if next(left, None) is None:
        raise BadArguments(f"the arguments have more than {MOST_VALUES} values")
    if depth > DEEPEST:
        raise BadArguments(f"the arguments lie deeper than {DEEPEST} levels")
    match value:
        case dict():
            return {storable(name): _bounded(part, depth + 1, left) for name, part in value.items()}
        case list():
            return [_bounded(part, depth + 1, left) for part in value]
        case str():
            return storable(value)
        case int() if abs(value) > GREATEST:
            raise BadArguments("a number among the arguments is too large")
        case _:
            return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name would let a check see one and a tool the other."""
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a name stands there twice")
    return read


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON's")


def _number(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number

"""Schemas of arguments, which may be as hostile as the arguments: a tenant's MCP server sends its own.

They are JSON Schema of draft 2020-12, whatever they call themselves. A check has a bounded number of steps: references
to one another can make endless work of a small schema, and to find out whether it is a schema at all takes a second
where it has thousands of parts. Nothing is fetched for it. `format` is not trusted. And patterns are left out, with
what depends on them (`patternProperties`, `unevaluatedProperties`, `unevaluatedItems`): one that backtracks would hold
its thread for years. The model is shown them all the same, a server checks its own, and Headgate's tools and an
operator's check for themselves what matters to them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it says nothing of types
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from shared.clock import monotonic
from shared.errors import HeadgateError

#: Keywords that one check may come to, each of some microseconds; what a tool of a hundred arguments needs ten times.
MOST_STEPS = 5000

#: Seconds that a check may take where its steps are long ones.
SECONDS = 1.0

#: The same of the check whether something is a schema: some 25 steps for each of its parts, of which a tool of a
#: hundred arguments has four hundred.
MOST_SCHEMA_STEPS, SCHEMA_SECONDS = 100_000, 10.0

#: Schemas that a process keeps ready.
SCHEMAS = 512

#: What is not checked.
PATTERNS = ("pattern", "patternProperties", "unevaluatedProperties", "unevaluatedItems")

#: Told to the model.
UNUSABLE = "this tool cannot be used: its schema is not one that can be checked by"

Errors = Iterator[ValidationError]
Keyword = Callable[[Any, Any, Any, Mapping[str, Any]], Errors | None]


class Uncheckable(HeadgateError):  # noqa: N818 - it names what happened
    """Nothing can be checked against the schema, so nothing passes."""


class Patience:
    """What is left to a check whether something is a schema, or to several of them; or to another check."""

    def __init__(self, steps: int = MOST_SCHEMA_STEPS, seconds: float = SCHEMA_SECONDS) -> None:
        self._steps, self._until = steps, monotonic() + seconds

    def step(self) -> None:
        self._steps -= 1
        if self._steps < 0 or monotonic() > self._until:
            raise Uncheckable("the check took too long")


_patience: ContextVar[Patience] = ContextVar("headgate_schema_patience")


def first_error(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> ValidationError | None:
    """What is most wrong with the arguments, if anything; `Uncheckable`."""
    try:
        validator = _validator(orjson.dumps(schema))
    except Uncheckable:
        raise
    except Exception as error:  # the boundary to what strangers wrote: whatever their schema breaks, it breaks here
        raise Uncheckable(UNUSABLE) from error
    return _worst(validator, arguments, Patience(MOST_STEPS, SECONDS))


def fault(schema: Mapping[str, Any], patience: Patience) -> str | None:
    """Why it is no schema, if it is none; `Uncheckable` where to find out takes too long."""
    worst = _worst(METASCHEMA, schema, patience)
    return worst.message if worst else None


def _worst(validator: Any, instance: Any, patience: Patience) -> ValidationError | None:
    token = _patience.set(patience)
    try:
        worst: ValidationError | None = best_match(validator.iter_errors(instance))
    except Exception as error:  # as above
        raise Uncheckable(UNUSABLE) from error
    finally:
        _patience.reset(token)
    return worst


def _counted(keyword: Keyword) -> Keyword:
    def counting(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Errors:
        _patience.get().step()
        yield from keyword(validator, value, instance, schema) or ()

    return counting


def _additional(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Errors:
    """What names beside patterns are additional, only the patterns know."""
    if "patternProperties" not in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, value, instance, schema) or ()


def _unique(validator: Any, value: Any, instance: Any, _: Mapping[str, Any]) -> Errors:
    """The library's own compares each with each."""
    if value and validator.is_type(instance, "array"):
        distinct = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}
        if len(distinct) < len(instance):
            yield ValidationError("the items are not all different")


def _any(*_: Any) -> None:
    """Everything passes."""


OTHERS: Mapping[str, Keyword] = {
    "additionalProperties": _additional,
    "uniqueItems": _unique,
    **dict.fromkeys(PATTERNS, _any),
}

Bounded = extend(  # type: ignore[no-untyped-call]  # its stub says nothing of what it takes
    Draft202012Validator,
    {name: _counted(OTHERS.get(name, keyword)) for name, keyword in Draft202012Validator.VALIDATORS.items()},
)


def _of_one_dialect(part: Any) -> Any:
    """The schema without `$schema`, by which any part of it could ask for a validator that counts no steps."""
    match part:
        case Mapping():
            kept = {name: value for name, value in part.items() if name != "$schema" or not isinstance(value, str)}
            return {name: _of_one_dialect(value) for name, value in kept.items()}
        case list():
            return [_of_one_dialect(value) for value in part]
        case _:
            return part


#: By it schemas are checked themselves; it lies in parts, which refer to one another.
METASCHEMA = Bounded(
    _of_one_dialect(Draft202012Validator.META_SCHEMA),
    registry=EMPTY_REGISTRY.with_resources(
        (uri, DRAFT202012.create_resource(_of_one_dialect(REGISTRY.contents(uri))))
        for uri in REGISTRY
        if "/draft/2020-12/" in uri
    ).crawl(),
)


@lru_cache(maxsize=SCHEMAS)
def _validator(schema: bytes) -> Any:
    read = _of_one_dialect(orjson.loads(schema))
    if fault(read, Patience()) is not None:
        raise Uncheckable(UNUSABLE)
    return Bounded(read, registry=EMPTY_REGISTRY)

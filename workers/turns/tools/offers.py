"""What an MCP server says that it can do, as far as a model may be offered it.

A server is a stranger: it may offer a thousand tools, names that no provider takes, schemas a megabyte long. What does
not fit is left out, and it is said why. What a schema does when arguments are held against it is bounded elsewhere
(`workers.turns.tools.schemas`).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from jsonschema import Draft202012Validator, SchemaError

from shared.agents.connections import McpServer
from shared.agents.tools import name_of
from workers.storable import storable

#: Tools of one server that are offered: models choose badly among more, and each is paid for in every request.
MOST_TOOLS = 64

#: Bytes and depth of one tool's schema, and characters of its description.
MOST_SCHEMA, DEEPEST, MOST_DESCRIPTION = 16_384, 24, 1024

#: As providers take names of tools.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: By it a tool asks for arguments as headers of the request, which would be a way around what was declared.
AS_HEADER = "x-mcp-header"


@dataclass(frozen=True)
class Told:
    """A tool, as a server tells of it."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True)
class Offer:
    """`name` is what models call it, `tool` what its server does."""

    name: str
    tool: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Offers:
    """`left_out`: why, by the server's name for it."""

    offered: Collection[Offer]
    left_out: Mapping[str, str]


def sifted(connection: str, declared: McpServer, told: Iterable[Told]) -> Offers:
    """What may be offered of this."""
    offered: dict[str, Offer] = {}
    left_out: dict[str, str] = {}
    for tool in told:
        if declared.tools is not None and tool.name not in declared.tools:
            continue
        name = name_of(connection, tool.name)
        why = "there are too many" if len(offered) == MOST_TOOLS else _fault(name, tool)
        if why is None and name not in offered:
            offered[name] = Offer(name, tool.name, storable(tool.description)[:MOST_DESCRIPTION], tool.input_schema)
        elif len(left_out) < MOST_TOOLS:
            left_out[storable(tool.name)[:64]] = why or "another has its name"
    return Offers(tuple(offered.values()), left_out)


def _fault(name: str, tool: Told) -> str | None:
    """Why it cannot be offered."""
    if not NAME.fullmatch(name):
        return f"{storable(name)[:80]!r} is not a name of 1 to 64 letters, digits, _ and -"
    if not fits(tool.input_schema):
        return (
            f"its schema is longer than {MOST_SCHEMA:,} bytes, deeper than {DEEPEST} levels, or beyond 64-bit numbers"
        )
    if tool.input_schema.get("type") != "object":
        return "its schema is not of an object"
    if f'"{AS_HEADER}"'.encode() in orjson.dumps(tool.input_schema):
        return f"it wants arguments as headers ({AS_HEADER}), which are not sent"
    try:
        Draft202012Validator.check_schema(tool.input_schema, format_checker=None)  # type: ignore[arg-type]  # no patterns
    except SchemaError as error:
        return f"its schema is none: {storable(error.message)[:200]}"
    return None


def fits(schema: Any) -> bool:
    layer = [schema]
    for _ in range(DEEPEST):
        layer = [part for whole in layer for part in _parts(whole)]
    try:
        return not layer and len(orjson.dumps(schema)) <= MOST_SCHEMA
    except orjson.JSONEncodeError:  # a number that Python reads, and hardly anybody else
        return False


def _parts(whole: Any) -> Iterable[Any]:
    match whole:
        case dict():
            return whole.values()
        case list():
            return whole
        case _:
            return ()

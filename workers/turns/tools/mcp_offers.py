"""What an MCP server says that it can do, as far as a model may be offered it.

A server is a stranger: it may offer a thousand tools, names that no provider takes, schemas a megabyte long or of five
thousand parts. What does not fit is left out, and it is said why. What a schema does when arguments are held against it
is bounded elsewhere (`workers.turns.tools.schemas`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.agents.connections import McpServer
from shared.agents.tools import is_tool_name, name_of
from shared.texts import storable
from workers.turns.tools.schemas import Patience, Uncheckable, fault

#: Tools of one server that are offered: models choose badly among more, and each is paid for in every request.
MOST_TOOLS = 64

#: Bytes and depth of one tool's schema, and characters of its description.
MOST_SCHEMA, DEEPEST, MOST_DESCRIPTION = 16_384, 24, 1024

#: Bytes of the schemas of one server: some 32,000 tokens, of which each request to the model is made.
MOST_SCHEMAS = 131_072

#: By it a tool asks for arguments as headers of the request, which would be a way around what was declared.
AS_HEADER = "x-mcp-header"


@dataclass(frozen=True)
class ServerTool:
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


def sifted(connection: str, declared: McpServer, listed: Iterable[ServerTool]) -> Offers:
    """What may be offered of this."""
    offered: dict[str, Offer] = {}
    left_out: dict[str, str] = {}
    room, patience = MOST_SCHEMAS, Patience()
    for tool in listed:
        if declared.tools is not None and tool.name not in declared.tools:
            continue
        name = name_of(connection, tool.name)
        why = "there are too many" if len(offered) == MOST_TOOLS else _fault_of_name(name)
        why = why or _fault_of_schema(tool.input_schema, room, patience)
        if why is None and name not in offered:
            offered[name] = Offer(name, tool.name, storable(tool.description)[:MOST_DESCRIPTION], tool.input_schema)
            room -= size(tool.input_schema) or 0
        elif len(left_out) < MOST_TOOLS:
            left_out[storable(tool.name)[:64]] = why or "another has its name"
    return Offers(tuple(offered.values()), left_out)


def _fault_of_name(name: str) -> str | None:
    return None if is_tool_name(name) else f"{storable(name)[:80]!r} is not a name of 1 to 64 letters, digits, _ and -"


def _fault_of_schema(schema: Mapping[str, Any], room: int, patience: Patience) -> str | None:
    """Why it cannot be offered, where there are so many bytes left for it, and so much patience."""
    length = size(schema)
    if length is None or length > MOST_SCHEMA:
        return (
            f"its schema is longer than {MOST_SCHEMA:,} bytes, deeper than {DEEPEST} levels, or beyond 64-bit numbers"
        )
    if length > room:
        return f"the server's schemas are longer than {MOST_SCHEMAS:,} bytes together"
    if schema.get("type") != "object":
        return "its schema is not of an object"
    if f'"{AS_HEADER}"'.encode() in orjson.dumps(schema):
        return f"it wants arguments as headers ({AS_HEADER}), which are not sent"
    try:
        wrong = fault(schema, patience)
    except Uncheckable:
        return "to check its schema takes too long"
    return f"its schema is none: {storable(wrong)[:200]}" if wrong else None


def size(schema: Any) -> int | None:
    """Bytes of a schema; None where it is too deep, or has numbers that hardly anybody reads."""
    layer = [schema]
    for _ in range(DEEPEST):
        layer = [part for whole in layer for part in _parts(whole)]
    try:
        return None if layer else len(orjson.dumps(schema))
    except orjson.JSONEncodeError:
        return None


def _parts(whole: Any) -> Iterable[Any]:
    match whole:
        case dict():
            return whole.values()
        case list():
            return whole
        case _:
            return ()

"""One call of a tool: whether it may be made, with these arguments; and what comes of it, as the model is shown it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any

import structlog

from shared.agents.tools import BUILT_IN, of_connection
from shared.errors import HeadgateError
from shared.telemetry import metrics
from workers.turns.attempts import too_many_hang
from workers.turns.tools.arguments import BadArguments, checked
from workers.turns.tools.results import fitted
from workers.turns.tools.tool import Tool, ToolFailed, ToolRefused, Use

#: Characters of a tool's name, as a model wrote it, in a log line or in what the model is told; and of what went wrong,
#: which a stranger may have worded.
NAME, MESSAGE = 64, 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ToolCall:
    """As a model has `written` it: {id, name, arguments}. `tool`: None where its agent has none of that name."""

    written: Mapping[str, str]
    tool: Tool | None
    use: Use

    @property
    def name(self) -> str:
        return self.written["name"]

    @property
    def place(self) -> str:
        return self.use.place


def answered(call: ToolCall) -> dict[str, Any]:
    """What the model is told, whatever the tool or the model did; raises only what ends or fails the run."""
    try:
        tool = _at_hand(call)
        arguments = checked(call.written["arguments"], tool.parameters)
        return fitted(tool.act(call.use, arguments), tool.max_bytes)
    except ToolRefused as error:
        return refused(str(error))
    except BadArguments as error:
        return refused(str(error)) if error.foreign else failed(str(error))
    except ToolFailed as error:
        return failed(str(error))
    except HeadgateError:  # the run is interrupted, a store is away, a budget has no room: not the tool's own
        raise
    except Exception as error:  # the boundary to tools' code: what breaks there the model is told of, but not how
        log.warning("a tool broke", job=str(call.use.job), tool=call.name, error=str(error), exc_info=True)
        return failed("the tool broke; what happened is on record")


def _at_hand(call: ToolCall) -> Tool:
    if call.tool is None:
        raise ToolRefused(f"there is no tool {call.name[:NAME]!r} here")
    if not isinf(call.tool.timeout) and too_many_hang():
        raise ToolFailed("tools cannot be used at the moment: too many of them hang")
    return call.tool


def failed(message: str) -> dict[str, Any]:
    return fitted({"error": message[:MESSAGE]}, MESSAGE * 8 + 64)


def refused(message: str) -> dict[str, Any]:
    return failed(message) | {"refused": True}


def record(call: ToolCall, outcome: Mapping[str, Any]) -> None:
    """Count how it went; what was refused is logged, by its name alone."""
    how = "refused" if outcome.get("refused") is True else "failed" if "error" in outcome else "answered"
    metrics.TOOL_CALLS.labels(tool=_label(call.tool), outcome=how).inc()
    if how == "refused":
        log.warning("a tool call was refused", job=str(call.use.job), tool=call.name[:NAME])


def _label(tool: Tool | None) -> str:
    """A bounded number of them."""
    if tool is None:
        return "unknown"
    if tool.name in BUILT_IN:
        return tool.name
    return "mcp" if of_connection(tool.name) else "own"

"""One call of a tool: whether it may be made, with these arguments; and what comes of it, as the model is shown it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any

import structlog

from shared.agents.tools import BUILT_IN, of_connection
from shared.errors import HeadgateError
from shared.telemetry import metrics
from workers.turns.tools.arguments import BadArguments, checked
from workers.turns.tools.limits import MOST_LEFT_BEHIND, left_behind
from workers.turns.tools.results import fitted
from workers.turns.tools.tool import Tool, ToolFailed, ToolRefused, Use

#: Characters of a tool's name, as a model wrote it, in a log line or in what the model is told; and of what went wrong,
#: which a stranger may have worded.
NAME, MESSAGE = 64, 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asked:
    """A call ({id, name, arguments}) that a model asked for. `tool`: None where its agent has none of that name."""

    call: Mapping[str, str]
    tool: Tool | None
    use: Use

    @property
    def place(self) -> str:
        return self.use.place


def answered(asked: Asked) -> dict[str, Any]:
    """What the model is told, whatever the tool or the model did; raises only what ends or fails the run."""
    try:
        tool = _at_hand(asked)
        arguments = checked(asked.call["arguments"], tool.parameters)
        return fitted(tool.act(asked.use, arguments), tool.max_bytes)
    except ToolRefused as error:
        return refused(str(error))
    except BadArguments as error:
        return refused(str(error)) if error.foreign else failed(str(error))
    except ToolFailed as error:
        return failed(str(error))
    except HeadgateError:  # the run is interrupted, a store is away, a budget has no room: not the tool's own
        raise
    except Exception as error:  # the boundary to tools' code: what breaks there the model is told of, but not how
        log.warning("a tool broke", job=str(asked.use.job), tool=asked.call["name"], error=str(error), exc_info=True)
        return failed("the tool broke; what happened is on record")


def _at_hand(asked: Asked) -> Tool:
    if asked.tool is None:
        raise ToolRefused(f"there is no tool {asked.call['name'][:NAME]!r} here")
    if not isinf(asked.tool.timeout) and left_behind() >= MOST_LEFT_BEHIND:
        raise ToolFailed("tools cannot be used at the moment: too many of them hang")
    return asked.tool


def failed(message: str) -> dict[str, Any]:
    return fitted({"error": message[:MESSAGE]}, MESSAGE * 8 + 64)


def refused(message: str) -> dict[str, Any]:
    return failed(message) | {"refused": True}


def record(asked: Asked, outcome: Mapping[str, Any]) -> None:
    """Count how it went; what was refused is logged, by its name alone."""
    how = "refused" if outcome.get("refused") is True else "failed" if "error" in outcome else "answered"
    metrics.TOOL_CALLS.labels(tool=_label(asked.tool), outcome=how).inc()
    if how == "refused":
        log.warning("a tool call was refused", job=str(asked.use.job), tool=asked.call["name"][:NAME])


def _label(tool: Tool | None) -> str:
    """A bounded number of them."""
    if tool is None:
        return "unknown"
    if tool.name in BUILT_IN:
        return tool.name
    return "mcp" if of_connection(tool.name) else "own"

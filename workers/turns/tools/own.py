"""Tools of the operator's own: entry points of the group `headgate.tools`, each a `Tool` or what makes one.

The name of the entry point is the name of the tool, so that configurations can be checked against what is installed
without importing it (`shared.agents.tools`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import Any

import structlog

from shared.agents.tools import BUILT_IN, GROUP, SEPARATOR, is_tool_name, of_connection
from shared.errors import HeadgateError
from workers.turns.entry_points import Broken, loaded
from workers.turns.tools.tool import Tool, ToolFailed, ToolRefused, Use

#: Seconds that a tool may ask for.
LONGEST = 600.0

#: What to do about one that cannot be used.
REMEDY = "mend or install its package on every worker, or take the tool out of the agent"

log = structlog.get_logger(__name__)

Act = Callable[[Use, Mapping[str, Any]], Any]


def own_tools(permitted: Collection[str]) -> Sequence[Tool]:
    """Those of an agent; `Broken` where one of them cannot be used in this process, or is not installed here."""
    at_hand, tools = known(), []
    for name in sorted(name for name in permitted if name not in BUILT_IN and not of_connection(name)):
        tool = at_hand.get(name) or Broken(f"{GROUP} {name!r} is not installed here: {REMEDY}")
        if isinstance(tool, Broken):
            raise Broken(str(tool))
        tools.append(tool)
    return tools


@lru_cache(maxsize=1)
def known() -> Mapping[str, Tool | Broken]:
    """What is installed, made once in a process."""
    return {name: _made(name, found) for name, found in loaded(GROUP).items()}


def _made(name: str, found: Any) -> Tool | Broken:
    if isinstance(found, Broken):
        return found
    try:
        tool = found if isinstance(found, Tool) else found()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the boundary to the operator's code
        return _broken(name, f"making it failed: {type(error).__name__}: {error}")
    wrong = _wrong(name, tool)
    return _broken(name, wrong) if wrong else replace(tool, act=_staying(tool.act))


def _wrong(name: str, tool: Any) -> str | None:
    """What is wrong with it."""
    if not isinstance(tool, Tool):
        return f"it is {type(tool).__name__}; it must be a Tool, or make one when called without arguments"
    if tool.name != name:
        return f"the tool calls itself {tool.name!r}: its entry point must have the same name"
    if name in BUILT_IN or SEPARATOR in name or not is_tool_name(name):
        return f"a name is 1 to 64 of A-Z a-z 0-9 _ -, without {SEPARATOR!r}, and none of {', '.join(BUILT_IN)}"
    if not (isfinite(tool.timeout) and 0 < tool.timeout <= LONGEST):
        return f"its timeout is {tool.timeout:g}: it must be above 0 and at most {LONGEST:g} seconds"
    return None


def _broken(name: str, why: str) -> Broken:
    log.error("a tool cannot be used", tool=name, error=why)
    return Broken(f"{GROUP} {name!r} cannot be used: {why}; {REMEDY}")


def _staying(act: Act) -> Act:
    """A tool may not end the process, nor fail its run as Headgate's own parts do; it fails, or it breaks."""

    def acting(use: Use, arguments: Mapping[str, Any]) -> Any:
        try:
            return act(use, arguments)
        except (ToolFailed, ToolRefused):
            raise
        except HeadgateError as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        except SystemExit as error:
            raise ToolFailed("the tool tried to end the process") from error

    return acting

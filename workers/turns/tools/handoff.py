"""`handoff`: a human takes over. Its answer is the end of the turn."""

from collections.abc import Mapping
from math import inf
from typing import Any

from shared.agents.tools import HANDOFF
from workers.turns.tools.tool import Tool, Use

#: Characters of the reason, which an operator reads in a list.
REASON = 1000

PARAMETERS = {
    "type": "object",
    "properties": {
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": REASON,
            "description": "What the user needs, for the colleague who takes over.",
        }
    },
    "required": ["reason"],
    "additionalProperties": False,
}


def handoff_tool() -> Tool:
    described = "Pass the conversation on to a human colleague, where you cannot help or the user asks for one."
    return Tool(HANDOFF, described, PARAMETERS, _act, timeout=inf, ends_turn=True)


def _act(_: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"handed_off": True, "reason": arguments["reason"]}

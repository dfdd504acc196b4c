"""What is said in a conversation, as it is kept and as a model is shown it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.agents.tools import as_tool_name

#: In the place of a tool's result for which a turn has no more room.
LEFT_OUT = '{"left_out": "this result had to make room for later ones; ask again if you need it"}'


@dataclass(frozen=True)
class Message:
    """What was said, or is to be said. `tool_calls`: [{id, name, arguments}]; `tool_call_id`: which of them it answers.

    `position` is its place in the conversation, 0 where it has none yet; `job`: the turn that it belongs to.
    """

    role: str
    content: str
    tool_calls: Sequence[dict[str, str]] = ()
    tool_call_id: str | None = None
    position: int = 0
    job: UUID | None = None

    def shown(self) -> dict[str, Any]:
        """As chat completions take it: what a model wrote wrong would have the whole request refused.

        Models call tools by names that nobody has, and providers take none but plain ones.
        """
        if self.role == "tool":
            return {"role": "tool", "tool_call_id": self.tool_call_id, "content": self.content}
        if not self.tool_calls:
            return {"role": self.role, "content": self.content}
        functions = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": as_tool_name(call["name"]), "arguments": _readable(call["arguments"])},
            }
            for call in self.tool_calls
        ]
        return {"role": self.role, "content": self.content or None, "tool_calls": functions}


def _readable(arguments: str) -> str:
    """Some providers read them again, and take nothing but JSON."""
    try:
        orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return orjson.dumps({"not_json": arguments}).decode()
    return arguments or "{}"

"""`remember` and `recall`: what an agent keeps in mind of a user, from one conversation to the next.

Of which user is said by the authenticated caller alone. Without one there is nobody to keep anything in mind of, and
the call is refused. What is remembered is what a user or a document said: it is shown to later turns as such.
"""

from collections.abc import Mapping
from math import inf
from typing import Any

from shared.agents import memories
from shared.agents.tools import RECALL, REMEMBER
from workers.run.context import Context
from workers.turns.tools.tool import Tool, ToolFailed, ToolRefused, Use

#: Characters of a memory, and of its name.
CONTENT, NAME = 2000, 128

#: Memories that are recalled at once where none is named, and bytes that they may take.
RECALLED, RECALLED_BYTES = 20, 65_536

NAMED = {"type": "string", "minLength": 1, "maxLength": NAME}

REMEMBERED = {
    "type": "object",
    "properties": {
        "name": NAMED | {"description": "What it is about, such as `delivery address`."},
        "content": {"type": "string", "maxLength": CONTENT, "description": "What to keep; empty: forget it."},
    },
    "required": ["name", "content"],
    "additionalProperties": False,
}

ASKED_FOR = {
    "type": "object",
    "properties": {"name": NAMED | {"description": "Which one; without it the newest are recalled."}},
    "additionalProperties": False,
}


def remember_tool(context: Context) -> Tool:
    """Written under the job's fence; done again by a retry, it comes to the same."""

    def act(use: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
        user, name, content = _user(use), arguments["name"], arguments["content"]
        with context.transaction() as connection:
            if not content.strip():
                memories.forget(connection, use.tenant, use.agent, user, name)
                return {"forgotten": name}
            if not memories.put(connection, use.tenant, use.agent, user, name, content=content):
                raise ToolFailed(f"{memories.MOST} memories are kept of this user, and no more: forget one first")
        return {"remembered": name}

    described = "Keep in mind of this user, also in later conversations, what is worth it."
    return Tool(REMEMBER, described, REMEMBERED, act, timeout=inf)


def recall_tool(context: Context) -> Tool:
    def act(use: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
        user, name = _user(use), arguments.get("name")
        with context.reading() as connection:
            if name is None:
                found = memories.latest(connection, use.tenant, use.agent, user, RECALLED).read()
            else:
                found = memories.named(connection, use.tenant, use.agent, user, name)
        return {"memories": [{"name": name, "content": content} for name, content in found.items()]}

    described = "What you keep in mind of this user."
    return Tool(RECALL, described, ASKED_FOR, act, timeout=inf, max_bytes=RECALLED_BYTES)


def _user(use: Use) -> str:
    if use.user_identifier is None:
        raise ToolRefused("nobody knows who this user is, so nothing can be kept in mind of them")
    return use.user_identifier

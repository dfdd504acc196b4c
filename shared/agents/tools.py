"""What tools are called: those that come with Headgate, those that an operator installed, those of a tenant's servers.

A configuration names tools before any of them exists in this process, so names are all that is known here: an installed
package is not imported, a server is not asked. What a name stands for is found when a turn begins (`workers.turns`).
"""

import re
from collections.abc import Collection
from importlib.metadata import entry_points

SEARCH_KNOWLEDGE = "search_knowledge"
REMEMBER, RECALL = "remember", "recall"
HANDOFF = "handoff"
HTTP_REQUEST = "http_request"

BUILT_IN = (SEARCH_KNOWLEDGE, REMEMBER, RECALL, HANDOFF, HTTP_REQUEST)

#: What providers take in the name of a tool, and how much of it at most.
CHARACTERS, LONGEST_NAME = "A-Za-z0-9_-", 64

#: As a regular expression.
TOOL_NAME = rf"[{CHARACTERS}]{{1,{LONGEST_NAME}}}"

#: Entry points of this group are tools of the operator's own.
GROUP = "headgate.tools"

#: Between a connection's name, which never has it, and that of a tool of its server.
SEPARATOR = "__"

#: In place of a tool's name: all that the server has, and its declaration allows.
EVERY = "*"


def is_tool_name(name: str) -> bool:
    """Whether providers take it."""
    return re.fullmatch(TOOL_NAME, name) is not None


def as_tool_name(name: str) -> str:
    """The nearest that providers take."""
    return re.sub(rf"[^{CHARACTERS}]", "_", name)[:LONGEST_NAME] or "_"


def installed() -> Collection[str]:
    """The names of the operator's own tools; nothing of theirs is imported."""
    return entry_points(group=GROUP).names


def of_connection(name: str) -> tuple[str, str] | None:
    """The connection and its tool (or `EVERY`) that a name is made of; None: it is a tool of another sort."""
    connection, separator, tool = name.partition(SEPARATOR)
    return (connection, tool) if connection and separator and tool else None


def name_of(connection: str, tool: str) -> str:
    """As configurations and models call a tool of a tenant's server."""
    return f"{connection}{SEPARATOR}{tool}"

"""All that code of an operator's own needs to name: tools, and hooks around turns (`docs/tools.md`).

The names below stay. What they are made of may move, and nothing else in `workers` is for others to import.
"""

from workers.turns.hooks import BeforeTurn, Turn
from workers.turns.tools.tool import Tool, ToolFailed, ToolRefused, Use

__all__ = ["BeforeTurn", "Tool", "ToolFailed", "ToolRefused", "Turn", "Use"]

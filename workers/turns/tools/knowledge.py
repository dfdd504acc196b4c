"""`search_knowledge`: the agent's own knowledge bases, whatever the model asks for."""

from collections.abc import Mapping
from math import inf
from typing import Any

from shared.agents.configuration import AgentConfiguration
from shared.agents.tools import SEARCH_KNOWLEDGE
from shared.knowledge.search import Passage
from workers.run.context import Context
from workers.turns.retrieval import retrieve
from workers.turns.tools.tool import Tool, Use

#: Characters of what is looked for.
QUERY = 2000

#: Bytes of the passages of one search: fifty of some 5,000, as many as an agent may be given.
PASSAGES_BYTES = 262_144

PARAMETERS = {
    "type": "object",
    "properties": {
        "query": {
            "type": "string",
            "minLength": 1,
            "maxLength": QUERY,
            "description": "What to look for, in natural language.",
        }
    },
    "required": ["query"],
    "additionalProperties": False,
}


def search_tool(context: Context, configuration: AgentConfiguration) -> Tool:
    """Its waits are the model's and the database's, which end by themselves."""

    def act(use: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
        found = retrieve(context, use.place, configuration, arguments["query"])
        return {"passages": [shown(passage) for passage in found]}

    described = "Passages from the agent's knowledge bases, best first."
    return Tool(SEARCH_KNOWLEDGE, described, PARAMETERS, act, timeout=inf, max_bytes=PASSAGES_BYTES)


def shown(passage: Passage) -> dict[str, Any]:
    """As the model sees it."""
    return {"title": passage.title, "heading": passage.heading, "text": passage.text, "document": passage.name}

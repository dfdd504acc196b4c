"""The tools an agent may use. A tool acts for the job's tenant and with the agent's rights, whatever the model asks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.knowledge import documents
from shared.knowledge.search import Passage, search
from shared.tenancy.agents import Agent
from workers.context import Context
from workers.models.embedding import Vector, embedding_call

#: Passages that one search shows the model.
PASSAGES = 5

#: Longest time an embedding of a query may take, in seconds.
QUERY_TIMEOUT = 20.0

ToolResult = dict[str, Any]


class SearchArguments(BaseModel):
    model_config = ConfigDict(extra="ignore")

    query: str = Field(min_length=1, max_length=2000, description="What to look for, in natural language.")


def search_knowledge(context: Context, agent: Agent, place: str, arguments: SearchArguments) -> ToolResult:
    """Passages from the agent's knowledge bases, best first."""
    tenant = context.tenant.tenant_id
    with context.reading() as connection:
        models = {base: documents.embedding_model(connection, tenant, base) for base in agent.knowledge_bases}
    found: list[Passage] = []
    for model in sorted({model for model in models.values() if model}):
        bases = [base for base, used in models.items() if used == model]
        vector = _embedded(context, f"{place}.{model}", model, arguments.query)
        with context.reading() as connection:
            found += search(connection, tenant, bases, query=arguments.query, vector=vector, limit=PASSAGES)
    best = sorted(found, key=lambda passage: -passage.score)[:PASSAGES]
    return {"passages": [_shown(passage) for passage in best]}


def _embedded(context: Context, place: str, model: str, query: str) -> Vector:
    timeout = min(QUERY_TIMEOUT, context.seconds_left)
    vectors: list[Vector] = context.paid(place, embedding_call(context.provider, model, [query], timeout=timeout))[
        "vectors"
    ]
    return vectors[0]


def _shown(passage: Passage) -> dict[str, Any]:
    return {"title": passage.title, "heading": passage.heading, "text": passage.text, "document": passage.name}


class Tool:
    """A tool as the model sees it, and what it does."""

    def __init__(self, name: str, arguments: type[BaseModel], act: Callable[..., ToolResult]) -> None:
        self.name, self.arguments, self.act = name, arguments, act

    def offered(self) -> Mapping[str, Any]:
        """As chat completions take it."""
        about = {"name": self.name, "description": self.act.__doc__, "parameters": self.arguments.model_json_schema()}
        return {"type": "function", "function": about}


TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in (Tool("search_knowledge", SearchArguments, search_knowledge),)}


def offered(agent: Agent) -> Sequence[Mapping[str, Any]]:
    """The agent's tools, as its model is told of them."""
    return [TOOLS[name].offered() for name in agent.tools]


def use(context: Context, agent: Agent, place: str, name: str, arguments: str) -> ToolResult:
    """What a tool call answers; a call that cannot be made is answered with what is wrong with it."""
    if name not in agent.tools or name not in TOOLS:
        return {"error": f"there is no tool {name!r} here"}
    try:
        checked = TOOLS[name].arguments.model_validate(orjson.loads(arguments or "{}"))
    except (orjson.JSONDecodeError, ValidationError) as error:
        return {"error": f"the arguments are not valid: {error}"}
    return TOOLS[name].act(context, agent, place, checked)

"""A tenant's agents: how each speaks, which model answers, and what it may use."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from shared.errors import NotFound
from shared.stores.postgres import Connection

PROMPT = (
    "You answer questions from the tenant's knowledge base. Search it before you answer, answer only from the passages "
    "you find, name the documents you used, and say so when they do not hold the answer."
)

GET = """
SELECT agent, prompt, model, temperature, max_tokens, max_tool_calls, tools, knowledge_bases FROM tenant.agents
WHERE tenant_id = %s AND agent = %s
"""

PUT = """
INSERT INTO tenant.agents (tenant_id, agent, prompt, model, temperature, max_tokens, max_tool_calls, tools,
                           knowledge_bases)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, agent) DO UPDATE SET prompt = excluded.prompt, model = excluded.model,
       temperature = excluded.temperature, max_tokens = excluded.max_tokens,
       max_tool_calls = excluded.max_tool_calls, tools = excluded.tools, knowledge_bases = excluded.knowledge_bases
"""


@dataclass(frozen=True)
class Agent:
    """`max_tokens` bounds each answer of the model, `max_tool_calls` the tool calls of a turn."""

    agent: str
    model: str
    prompt: str = PROMPT
    temperature: float = 0.2
    max_tokens: int = 1024
    max_tool_calls: int = 8
    tools: Sequence[str] = ("search_knowledge",)
    knowledge_bases: Sequence[str] = ("default",)


def get(connection: Connection, tenant: str, agent: str) -> Agent:
    with connection.cursor(row_factory=class_row(Agent)) as cursor:
        found = cursor.execute(GET, (tenant, agent)).fetchone()
    if found is None:
        raise NotFound(f"tenant {tenant!r} has no agent {agent!r}")
    return found


def put(connection: Connection, tenant: str, agent: Agent) -> None:
    said = (agent.prompt, agent.model, agent.temperature, agent.max_tokens, agent.max_tool_calls)
    connection.execute(PUT, (tenant, agent.agent, *said, list(agent.tools), list(agent.knowledge_bases)))

"""What a tenant has: its agents, its documents, its jobs."""

from dataclasses import dataclass

from psycopg.rows import class_row

from shared.ledger import reading
from shared.stores.postgres import Connection, one
from shared.tenancy.agents import Agent

AGENTS = """
SELECT agent, model, prompt, temperature, max_tokens, max_tool_calls, tools, knowledge_bases FROM tenant.agents
WHERE tenant_id = %s ORDER BY agent
"""

DOCUMENTS = """
SELECT count(*) AS all_of_them, count(complete_at) AS complete FROM tenant.documents WHERE tenant_id = %s
"""


@dataclass(frozen=True)
class Holdings:
    """`complete` documents are those that searches see; `jobs` counts them by state."""

    agents: list[Agent]
    documents: int
    complete: int
    jobs: dict[str, int]


def holdings(connection: Connection, tenant: str) -> Holdings:
    with connection.cursor(row_factory=class_row(Agent)) as cursor:
        agents = cursor.execute(AGENTS, (tenant,)).fetchall()
    documents = one(connection, DOCUMENTS, (tenant,))
    return Holdings(agents, documents["all_of_them"], documents["complete"], reading.by_state(connection, tenant))

"""What a tenant has: its agents, its documents, its jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.agents import agents
from shared.agents.agents import Agent
from shared.ledger import reading
from shared.stores.postgres import Connection, one

DOCUMENTS = """
SELECT count(*) AS all_of_them, count(complete_at) AS complete FROM tenant.documents WHERE tenant_id = %s
"""


@dataclass(frozen=True)
class Holdings:
    """`complete` documents are those that searches see; `jobs` counts them by state."""

    agents: Sequence[Agent]
    documents: int
    complete: int
    jobs: dict[str, int]


def holdings(connection: Connection, tenant: str) -> Holdings:
    documents = one(connection, DOCUMENTS, (tenant,))
    found, jobs = agents.every(connection, tenant), reading.by_state(connection, tenant)
    return Holdings(found, documents["all_of_them"], documents["complete"], jobs)

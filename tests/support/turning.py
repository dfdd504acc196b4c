"""Turns whose model follows a script: what the agents know, what the model asks for, and what is left on record."""

import json
from collections.abc import Sequence
from typing import Any

from shared import ids
from shared.agents import agents
from shared.agents.configuration import AgentConfiguration
from shared.cell import Cell
from shared.knowledge import documents
from shared.knowledge.documents import Document
from shared.rehearsal.embedding import embed
from workers.host import Host

#: The rehearsal models.
MODEL, EMBEDDING_MODEL = "rehearsal-1", "rehearsal-embed"


def know(cell: Cell, tenant: str, name: str, text: str, *, base: str = "default") -> None:
    """A document of one passage, complete; it takes the place of an older one of its name."""
    content = text.encode()
    hashed = documents.hash_of(content)
    document = Document(ids.new(), base, name, name, "text/plain", hashed, len(content), [(None, text)])
    with cell.database.transaction(tenant) as connection:
        documents.store(connection, tenant, document, embedding_model=EMBEDDING_MODEL)
        chunks = documents.pending(connection, tenant, base, 10)
        vectors = [embed(chunk.embedded_text) for chunk in chunks]
        documents.store_vectors(connection, tenant, base, chunks, vectors)


def configure(cell: Cell, tenant: str, *, agent: str = "default", **told: Any) -> int:
    """A new version of the tenant's agent."""
    with cell.database.transaction(tenant) as connection:
        return agents.put(connection, tenant, agent, AgentConfiguration(model=MODEL, **told))


def wants(*tools: tuple[str, Any], match: str | None = None) -> dict[str, Any]:
    """A round that asks for these tools; what is not text already is written as JSON."""
    calls = [{"name": name, "arguments": said if isinstance(said, str) else json.dumps(said)} for name, said in tools]
    return {"calls": calls, "match": match}


def says(text: str, match: str | None = None) -> dict[str, Any]:
    """A round that answers."""
    return {"text": text, "match": match}


def rows(cell: Cell, tenant: str, statement: str, *values: Any) -> Sequence[dict[str, Any]]:
    """As the tenant sees them."""
    with cell.database.transaction(tenant) as connection:
        return connection.execute(statement, values).fetchall()


def steps_of(cell: Cell, tenant: str, job: str) -> Sequence[dict[str, Any]]:
    """A job's journal, in order."""
    return rows(cell, tenant, "SELECT * FROM tenant.steps WHERE job_id = %s ORDER BY intended_at, call_id", job)


def said_in(cell: Cell, tenant: str, job: str) -> Sequence[tuple[str, str]]:
    """The messages that a turn added to its conversation: who said what."""
    found = rows(
        cell, tenant, "SELECT role, content FROM tenant.messages WHERE job_id = %s ORDER BY position, ordinal", job
    )
    return [(row["role"], row["content"]) for row in found]


class Slot:
    """A worker's slot in this process: the room of turns, with a heart that beats and without upkeep."""

    def __init__(self, cell: Cell, lane: str = "turns.pro") -> None:
        self._host, self._lane = Host(cell, "slot", [lane], slots=None, run_on_seconds=0.0), lane
        self._host.start()

    def serve(self) -> None:
        """Run the job whose turn it is."""
        self._host.serve(self._lane)

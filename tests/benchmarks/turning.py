"""Turns for a benchmark: tenants with agents, turns accepted one at a time or by the thousand, and how they ended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

from shared.agents import agents
from shared.agents.configuration import AgentConfiguration
from shared.cell import Cell
from shared.stores.postgres import one
from tests.benchmarks.crowd import held_back, make_service, make_tenants
from tests.benchmarks.stage import new_source, submit
from tests.support.walking import event
from tests.support.workers import eventually

QUESTION = "What does the with statement do, and which methods of the context manager does it call?"

#: Of the tenant that has knowledge: some paragraphs, each a passage.
DOCUMENT = "\n\n".join(
    f"{name}\n\nThe with statement runs a block under a context manager. It calls the manager's {name} method. "
    "What that returns or raises decides how the statement goes on, whatever happens in the block."
    for name in ("__enter__", "__exit__", "__aenter__", "__aexit__")
)

#: One call and no tools; and one round of a tool between two calls, which embeds what it searches for.
PLAIN, SEARCHING = "plain", "searching"
AGENTS = {
    PLAIN: AgentConfiguration(model="rehearsal-1", tools=()),
    SEARCHING: AgentConfiguration(model="rehearsal-1", max_tool_calls=1),
}

LANE = "turns.pro"

ENDED = """
SELECT state, failures, extract(epoch FROM finished_at)::float8 AS at FROM tenant.jobs WHERE source = %s ORDER BY 3
"""

COMPLETE = "SELECT count(*) AS number FROM tenant.documents WHERE complete_at IS NOT NULL"
UNFINISHED = "SELECT count(*) AS number FROM tenant.jobs WHERE source = %s AND state IN ('waiting', 'running')"
UNRECORDED = "SELECT count(*) AS number FROM tenant.steps WHERE model IS NOT NULL AND recorded_at IS NULL"


@dataclass(frozen=True)
class Ended:
    """When turns were answered (seconds since 1970), in order; how many of them at their first run were not."""

    at: Sequence[float]
    again: int


class Turns:
    """Of some tenants, whom one service asks for."""

    def __init__(self, cell: Cell, tenants: int = 8) -> None:
        self._cell, self._tenants, self._asked = cell, [f"tenant-{number}" for number in range(tenants)], 0
        make_tenants(cell, self._tenants)
        self._key = make_service(cell)
        for tenant in self._tenants:
            with cell.database.transaction(tenant) as connection:
                for name, agent in AGENTS.items():
                    agents.put(connection, tenant, name, agent)

    def learn(self) -> None:
        """Give the tenant whose turns are measured one by one something to search; a worker must be there."""
        document = {"name": "with", "text": DOCUMENT}
        submit(self._cell, "knowledge.ingest", [document], self._key, tenantid=self._tenants[0])
        eventually(lambda: self._count(COMPLETE), "the document is complete")

    def single(self, agent: str) -> bytes:
        """The message that asks for a turn of that tenant."""
        return event("agent.turn", self._turn(agent), self._key, tenantid=self._tenants[0])

    def ask(self, number: int) -> str:
        """Turns of all tenants; answers the source that marks them."""
        source, tenants = new_source(), len(self._tenants)
        for index, tenant in enumerate(self._tenants):
            data = [self._turn(PLAIN) for _ in range(index, number, tenants)]
            submit(self._cell, "agent.turn", data, self._key, source=source, tenantid=tenant)
        return source

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """None starts before the end of this; the doors take them all the while."""
        with held_back(self._cell, *self._tenants):
            yield

    def ended(self, source: str) -> Ended:
        """Once all are answered and on record."""
        eventually(lambda: not self._count(UNFINISHED, source), "each turn has ended")
        with self._cell.admin.connection() as connection:
            rows = connection.execute(ENDED, (source,)).fetchall()
        unanswered = [row for row in rows if row["state"] != "done"]
        assert not unanswered, f"{len(unanswered)} of {len(rows)} turns were not answered: {unanswered[0]}"
        eventually(lambda: not self._count(UNRECORDED), "each draw is on record")
        return Ended([row["at"] for row in rows], sum(1 for row in rows if row["failures"]))

    def _turn(self, agent: str) -> dict[str, str]:
        """Each begins a conversation of its own, so that none waits for another or drags a history along."""
        self._asked += 1
        return {"conversation": f"c-{self._asked}", "message": QUESTION, "agent": agent}

    def _count(self, statement: LiteralString, *values: str) -> int:
        with self._cell.admin.connection() as connection:
            return int(one(connection, statement, values)["number"])

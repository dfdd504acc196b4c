"""Turns one at a time, each beside the bare calls that it makes: what is left is Headgate's own time.

The end of a turn is told by the database, right when it has been committed: a trigger that only these measurements
have (about 20 us a turn, which count as Headgate's).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from openai import OpenAI

from shared.cell import Cell
from shared.stores.postgres import Connection
from tests.benchmarks.overheard import Request
from tests.benchmarks.turning import Turns
from tests.support.walking import accept
from tests.support.workers import PATIENCE

TELL = """
CREATE FUNCTION tenant.benchmark_tells() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('ended', NEW.state); RETURN NULL; END $$;
CREATE TRIGGER benchmark_tells AFTER UPDATE OF state ON tenant.jobs
    FOR EACH ROW WHEN (NEW.state NOT IN ('waiting', 'running')) EXECUTE FUNCTION tenant.benchmark_tells();
LISTEN ended
"""
HUSH = "UNLISTEN ended; DROP TRIGGER benchmark_tells ON tenant.jobs; DROP FUNCTION tenant.benchmark_tells()"


@dataclass(frozen=True)
class Pair:
    """Seconds: at the door; from the door's answer to the commit of the turn's; the same calls bare."""

    door: float
    turn: float
    bare: float

    @property
    def own(self) -> float:
        return self.turn - self.bare


class SingleTurns:
    """`calls`: what a turn of each agent asks of the model, in order."""

    def __init__(
        self, cell: Cell, turns: Turns, calls: Mapping[str, Sequence[Request]], client: OpenAI, connection: Connection
    ) -> None:
        self._cell, self._turns, self._calls, self._client = cell, turns, calls, client
        self._connection = connection

    def pairs(self, agent: str, number: int) -> list[Pair]:
        """In turns: what disturbs the machine disturbs both."""
        return [self._pair(agent) for _ in range(number)]

    def _pair(self, agent: str) -> Pair:
        begun = time.perf_counter()
        for call in self._calls[agent]:
            call.make(self._client)
        bare = time.perf_counter() - begun
        asked = self._turns.single(agent)
        begun = time.perf_counter()
        (verdict,) = accept(self._cell, asked)
        accepted = time.perf_counter()
        told = [notice.payload for notice in self._connection.notifies(timeout=PATIENCE, stop_after=1)]
        answered = time.perf_counter()
        assert told == ["done"], f"a turn ended {told} after {verdict.answer}"
        return Pair(accepted - begun, answered - accepted, bare)


@contextmanager
def single_turns(cell: Cell, turns: Turns, calls: Mapping[str, Sequence[Request]], url: str) -> Iterator[SingleTurns]:
    """`url`: of the model."""
    with OpenAI(api_key="sk-bare", base_url=url, max_retries=0) as client, cell.admin.connection() as connection:
        connection.execute(TELL)
        try:
            yield SingleTurns(cell, turns, calls, client, connection)
        finally:
            connection.execute(HUSH)

"""Where a benchmark plays: a durable Postgres, a Redis, a cell with the leases of real life, jobs by the hundred."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.rows import class_row

from shared import ids
from shared.cell import Cell
from tests.support.cells import migrated_servers, test_cell
from tests.support.walking import accept, event

#: Messages that the bus door takes in one transaction (`producers.bus.door.BATCH`).
BATCH = 200

#: Seconds between two looks whether all is done: the looking must not take part in the race.
LOOK = 0.1

UNFINISHED = "SELECT FROM tenant.jobs WHERE source = %s AND state IN ('waiting', 'running') LIMIT 1"

TIMES = "SELECT state, accepted_at, started_at, finished_at FROM tenant.jobs WHERE source = %s ORDER BY seq"


@dataclass(frozen=True)
class Times:
    """A job as the ledger remembers it. `finished_at` is the begin of the last transaction, not its commit."""

    state: str
    accepted_at: datetime
    started_at: datetime
    finished_at: datetime

    @property
    def waited(self) -> float:
        """Seconds from accepted to started."""
        return (self.started_at - self.accepted_at).total_seconds()


@contextmanager
def stage(**settings: Any) -> Iterator[Cell]:
    """A cell of its own, its gate open; no worker runs."""
    with (
        migrated_servers(durable=True) as servers,
        tempfile.TemporaryDirectory() as home,
        test_cell(servers, Path(home), **({"lease_seconds": 30.0, "access_cache_seconds": 10.0} | settings)) as cell,
    ):
        yield cell


def count_rows(cell: Cell) -> None:
    """Let Postgres count what it has, once all that is measured has happened at least once.

    It does so by itself within a minute of a database's life. Until then it plans for empty tables, and finds a run by
    reading many: that is measured on purpose or not at all.
    """
    with cell.admin.connection() as connection:
        connection.execute("ANALYZE")


def new_source() -> str:
    """A source that marks the jobs of one measurement."""
    return f"/benchmarks/{ids.new()}"


def submit(
    cell: Cell, kind: str, data: Sequence[dict[str, Any]], key: str, *, source: str | None = None, **attributes: str
) -> str:
    """Accept jobs batch by batch, as the bus door does; answers the source that marks them."""
    source = source or new_source()
    events = [event(kind, each, key, source=source, **attributes) for each in data]
    for first in range(0, len(events), BATCH):
        refused = [verdict for verdict in accept(cell, *events[first : first + BATCH]) if verdict.kept]
        if refused:
            raise AssertionError(f"{len(refused)} jobs refused: {refused[0].answer}")
    return source


def finished(cell: Cell, tenant: str, source: str) -> list[Times]:
    """The jobs of a source, once all of them are over, in order of acceptance."""
    while _unfinished(cell, tenant, source):
        threading.Event().wait(LOOK)
    with cell.database.transaction(tenant) as connection, connection.cursor(row_factory=class_row(Times)) as cursor:
        return cursor.execute(TIMES, (source,)).fetchall()


def per_second(times: Sequence[Times], since: float) -> float:
    """Jobs per second, from when they were let go (seconds since 1970) to the end of the last."""
    early = since - min(each.started_at for each in times).timestamp()
    if early > 0:
        raise AssertionError(f"a job started {early:.3f} s before it was let go")
    return len(times) / (max(each.finished_at for each in times).timestamp() - since)


def _unfinished(cell: Cell, tenant: str, source: str) -> bool:
    with cell.database.transaction(tenant) as connection:
        return connection.execute(UNFINISHED, (source,)).fetchone() is not None

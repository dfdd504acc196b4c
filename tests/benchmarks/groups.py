"""What a turn costs, by group of processes: workers, Postgres, Redis, and the rehearsal model beside them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from shared.cell import Cell
from shared.stores.postgres import one
from tests.benchmarks.resources import cpu

#: How the rehearsal model's process is known among this one's children.
MODEL = "shared.rehearsal"


@dataclass
class Spent:
    """Seconds of CPU by group, filled when the time is over."""

    workers: float = field(default=0.0)
    postgres: float = field(default=0.0)
    redis: float = field(default=0.0)
    model: float = field(default=0.0)

    @property
    def own(self) -> float:
        """All but the model's."""
        return self.workers + self.postgres + self.redis


class Groups:
    """The processes of a cell, its workers and the one rehearsal model that this process started."""

    def __init__(self, cell: Cell, workers: Sequence[psutil.Process]) -> None:
        with cell.admin.connection() as connection:
            backend = psutil.Process(one(connection, "SELECT pg_backend_pid() AS pid")["pid"])
        postmaster = backend.parent()
        assert postmaster is not None, "a backend of Postgres has no parent"
        (model,) = (child for child in psutil.Process().children() if MODEL in child.cmdline())
        redis = psutil.Process(cell.redis.info("server")["process_id"])
        self._groups = {"workers": workers, "postgres": [postmaster], "redis": [redis], "model": [model]}

    @contextmanager
    def spent(self) -> Iterator[Spent]:
        """What they spend meanwhile."""
        before, spent = self._now(), Spent()
        yield spent
        for name, seconds in self._now().items():
            setattr(spent, name, seconds - before[name])

    def worker_mb(self) -> float:
        """Of all workers, resident."""
        return sum(worker.memory_info().rss for worker in self._groups["workers"]) / 1e6

    def _now(self) -> dict[str, float]:
        return {name: sum(map(cpu, processes)) for name, processes in self._groups.items()}

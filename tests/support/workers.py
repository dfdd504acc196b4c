"""Real worker processes, that can really be killed: forked from a warm parent, which spares each the imports."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.cell import Cell
from shared.gate.keys import prefix
from tests.support.waiting import PATIENCE, ROOT, eventually
from tests.support.warm import shared_parent

__all__ = ["PATIENCE", "ROOT", "Worker", "eventually", "present", "workers"]


class Worker:
    """A Celery worker serving these lanes, in a process of its own."""

    def __init__(self, cell: Cell, lanes: Sequence[str], *, slots: int = 4, pool: str = "threads") -> None:
        self._child = shared_parent().worker(cell.settings, lanes, slots=slots, pool=pool)
        self.process = self._child.process

    def kill(self) -> None:
        """As `kill -9` does, children included."""
        self._child.kill()

    def stop(self) -> int:
        """Tell it to stop, once; answers its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return shared_parent().ended(self._child)


@contextmanager
def workers(cell: Cell, *each: Sequence[str], slots: int = 4, pool: str = "threads") -> Iterator[list[Worker]]:
    """One worker for each sequence of lanes, all of them ready; ended with the context."""
    before = present(cell)
    started = [Worker(cell, lanes, slots=slots, pool=pool) for lanes in each]
    try:
        eventually(lambda: len(present(cell) - before) >= len(started), "all workers are ready")
        yield started
    finally:
        for worker in started:
            worker.kill()


def present(cell: Cell) -> set[str]:
    """The workers that have told the gate their slots; one that died stays until it is struck off."""
    keys = [key.decode() for key in cell.redis.scan_iter(f"{prefix(cell.settings.cell)}*:worker:*")]
    return {key.partition(":worker:")[2] for key in keys}

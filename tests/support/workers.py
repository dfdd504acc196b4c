"""Real worker processes, that can really be killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from producers.cli.environment import environment
from shared.cell import Cell
from shared.gate.keys import prefix

ROOT = Path(__file__).parents[2]

T = TypeVar("T")

#: Seconds within which anything that is waited for in tests must happen; generous, for machines are slow and noisy.
PATIENCE = 60.0


class Worker:
    """A Celery worker serving these lanes, in a process of its own."""

    def __init__(self, cell: Cell, lanes: Sequence[str], *, slots: int = 4, pool: str = "threads") -> None:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "workers.app", "worker"]
        options = [
            "-P",
            pool,
            "-c",
            str(slots),
            "-Q",
            ",".join(lanes),
            "-n",
            f"{time.monotonic_ns()}@%h",
            "-l",
            "WARNING",
        ]
        self.process = subprocess.Popen([*command, *options], cwd=ROOT, env=environment(cell.settings))

    def kill(self) -> None:
        """As `kill -9` does, children included."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


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
            if worker.process.poll() is None:
                worker.kill()


def present(cell: Cell) -> set[str]:
    """The workers that have told the gate their slots; one that died stays until it is struck off."""
    keys = [key.decode() for key in cell.redis.scan_iter(f"{prefix(cell.settings.cell)}*:worker:*")]
    return {key.partition(":worker:")[2] for key in keys}


def eventually(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What `look` answers once that is true; fails, naming `what`, after a generous bound."""
    until = time.monotonic() + patience
    while not (seen := look()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {patience:g} s: {what}")
        time.sleep(0.01)
    return seen

"""Celery workers of any application, each in a process of its own, alike in pool and slots."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from producers.cli.environment import environment
from shared import ids
from shared.cell import Cell
from tests.support.workers import PATIENCE, ROOT, eventually, present


@contextmanager
def celery_worker(
    application: str,
    *,
    slots: int,
    ready: Callable[[], object],
    queues: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[int]:
    """A worker on threads, from its being `ready` to its warm end; answers its process id."""
    command = [sys.executable, "-m", "celery", "--quiet", "-A", application, "worker", "-P", "threads", "-l", "WARNING"]
    chosen = ["-c", str(slots), "-n", f"{ids.token(4)}@%h", *options]
    served = ["-Q", ",".join(queues)] if queues else []
    with subprocess.Popen([*command, *chosen, *served], cwd=ROOT, env={**os.environ, **(variables or {})}) as process:
        try:
            eventually(ready, f"the worker of {application} is ready")
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()


@contextmanager
def gate_worker(application: str, cell: Cell, *lanes: str, slots: int, **variables: str) -> Iterator[int]:
    """One that takes this cell's permits."""
    before = present(cell)
    told = {**environment(cell.settings), **variables}
    with celery_worker(
        application, slots=slots, ready=lambda: present(cell) - before, queues=lanes, variables=told
    ) as process:
        yield process

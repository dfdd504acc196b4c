"""A job that kills every process that runs it ends dead, and those that ran beside it come to their ends."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from shared.cell import Cell
from shared.embedded import Servers
from tests.support import cells
from tests.support.poison import DEADLY
from tests.support.walking import finished, submit
from tests.support.warm import Child, Hook, shared_parent
from tests.support.workers import eventually

SLOTS = 4

POISONOUS: Hook = ("tests.support.poison:poisonous_probes", {})


@contextmanager
def always_a_worker(cell: Cell) -> Iterator[None]:
    """One process with all its slots in threads, and another as soon as that is dead."""
    stopping = threading.Event()

    def supervise() -> None:
        while not stopping.is_set():
            worker = shared_parent().worker(cell.settings, ["ops.pro"], slots=SLOTS, hooks=[POISONOUS])
            try:
                eventually(partial(_over, worker, stopping), "the worker dies, or is not wanted any more")
            finally:
                worker.kill()

    with ExitStack() as stack:
        thread = threading.Thread(target=supervise, name="supervisor")
        stack.callback(thread.join)
        stack.callback(stopping.set)
        thread.start()
        yield


def _over(worker: Child, stopping: threading.Event) -> bool:
    return stopping.is_set() or not worker.alive


def test_a_job_that_kills_its_process_dies_alone(servers: Servers) -> None:
    """All are claimed together, die together and come back together, until those that were there twice run apart."""
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), lease_seconds=2.0, failures_allowed=3) as cell,
    ):
        key = cells.make_tenant(cell, "acme", ops=SLOTS, running=SLOTS).secret
        beside = [submit(cell, "ops.probe", {"seconds": 1.5}, key) for _ in range(SLOTS - 1)]
        poison = submit(cell, "ops.probe", {"seconds": DEADLY}, key)
        with always_a_worker(cell):
            dead = finished(cell, "acme", poison)
            others = [finished(cell, "acme", job) for job in beside]
            quick = finished(cell, "acme", submit(cell, "ops.probe", {}, key))
    assert (dead["state"], dead["failures"], dead["deaths"]) == ("dead", 3, 3)
    assert [job["state"] for job in (*others, quick)] == ["done"] * SLOTS
    assert quick["run"] == 1

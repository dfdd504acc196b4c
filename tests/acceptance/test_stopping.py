"""A worker that is told to stop finishes what it can and hands back the rest, unharmed, within its bound."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.walking import finished, job, submit
from tests.support.workers import PATIENCE, Worker, eventually, workers
from workers.host import NEXT_STEP

LANES = ["turns.pro", "ops.pro"]

TURN = {"conversation": "c-1", "message": "What is a lock?"}

#: Seconds that starting and ending processes may add on a busy machine.
SLACK = 15.0

pools = pytest.mark.parametrize("pool", ["threads", "prefork"])


@contextmanager
def stopping_cell(servers: Servers, model: Rehearsal, *, seconds: float) -> Iterator[Cell]:
    """A cell whose workers may finish for so long."""
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), OPENAI_BASE_URL=model.url, stop_seconds=seconds) as cell,
    ):
        yield cell


def stopped(worker: Worker) -> float:
    """Stop a worker; answers the seconds it took. It leaves with code 0, and leaves nobody behind."""
    children, begun = psutil.Process(worker.process.pid).children(recursive=True), time.monotonic()
    assert worker.stop() == 0
    assert not psutil.wait_procs(children, timeout=PATIENCE)[1]
    return time.monotonic() - begun


@pools
def test_a_stopping_worker_finishes_the_turn_it_is_in(servers: Servers, model: Rehearsal, pool: str) -> None:
    model.settings(latency=1.5)
    with stopping_cell(servers, model, seconds=30) as cell:
        key = cells.make_tenant(cell, "acme").secret
        with workers(cell, LANES, pool=pool, slots=2) as (worker,):
            turn = submit(cell, "agent.turn", TURN, key)
            eventually(model.served, "the turn is in its first call")
            assert stopped(worker) < 30
        row = job(cell, "acme", turn)
        assert (row["state"], row["run"]) == ("done", 1)


@pools
def test_a_stopping_worker_hands_back_what_takes_too_long(servers: Servers, model: Rehearsal, pool: str) -> None:
    model.settings(faults=[{"fault": "lost", "model": "rehearsal-1"}])
    with stopping_cell(servers, model, seconds=1) as cell:
        key = cells.make_tenant(cell, "acme").secret
        with workers(cell, LANES, pool=pool, slots=2) as (worker,):
            turn = submit(cell, "agent.turn", TURN, key)
            eventually(model.served, "the turn is in its first call")
            assert stopped(worker) < 1 + NEXT_STEP + SLACK
        row = job(cell, "acme", turn)
        assert (row["state"], row["run"], row["failures"]) == ("waiting", 1, 0)
        with workers(cell, LANES, pool=pool, slots=2):
            row = finished(cell, "acme", turn)
        assert (row["state"], row["run"], row["failures"]) == ("done", 2, 0)
        with cell.database.transaction("acme") as connection:
            (step,) = connection.execute("SELECT call_id FROM tenant.steps WHERE state = 'unknown'").fetchall()
        assert model.lookup(step["call_id"])


@pools
def test_a_stopping_worker_claims_nothing_more(servers: Servers, model: Rehearsal, pool: str) -> None:
    with stopping_cell(servers, model, seconds=30) as cell:
        key = cells.make_tenant(cell, "acme").secret
        with workers(cell, LANES, pool=pool, slots=2) as (worker,):
            jobs = [submit(cell, "ops.probe", {"seconds": 1}, key) for _ in range(12)]
            eventually(lambda: any(job(cell, "acme", each)["state"] == "running" for each in jobs), "some run")
            begun = sum(job(cell, "acme", each)["state"] != "waiting" for each in jobs)
            stopped(worker)
        states = [job(cell, "acme", each)["state"] for each in jobs]
        assert set(states) == {"done", "waiting"}
        assert states.count("done") <= begun + 2, "no more than one for each slot, claimed as the signal came"
        with workers(cell, LANES, pool=pool, slots=2):
            assert {finished(cell, "acme", each)["failures"] for each in jobs} == {0}


def test_an_idle_worker_stops_at_once(servers: Servers, model: Rehearsal) -> None:
    with stopping_cell(servers, model, seconds=30) as cell, workers(cell, LANES) as (worker,):
        assert stopped(worker) < SLACK

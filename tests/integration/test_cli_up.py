"""`headgate up`: a whole platform from one command, that mends itself and leaves nothing."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from producers.cli.environment import environment
from producers.client import Headgate, Submission
from shared.cell import Cell
from shared.embedded import resolved
from shared.rehearsal.client import Rehearsal
from shared.settings import Settings
from tests.support.cells import make_tenant
from tests.support.commands import refused
from tests.support.living import Living, living
from tests.support.workers import PATIENCE, eventually


@pytest.fixture
def settings(model: Rehearsal) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="headgate-test-", ignore_cleanup_errors=True) as home:
        yield Settings(
            home=Path(home),
            lease_seconds=3,
            stop_seconds=5,
            embedding_model="rehearsal-embed",
            OPENAI_API_KEY="sk-up",
            OPENAI_BASE_URL=model.url,
        )


@contextmanager
def up(settings: Settings, said: Path) -> Iterator[Living]:
    """`headgate up`, ready."""
    with living(said, environment(settings), "up", "--slots", "2") as started:
        started.says("Ready.")
        yield started


@contextmanager
def opened(settings: Settings) -> Iterator[Cell]:
    """The cell that runs in this home now."""
    cell = Cell(resolved(settings))
    try:
        yield cell
    finally:
        cell.close()


def states(cell: Cell) -> set[str]:
    """The states that the ledger's jobs are in."""
    with cell.dispatcher.connection() as connection:
        return {row["state"] for row in connection.execute("SELECT DISTINCT state FROM tenant.jobs")}


def test_up_starts_a_killed_worker_again_and_stops_without_a_trace(settings: Settings, tmp_path: Path) -> None:
    with up(settings, tmp_path / "said") as machine, opened(settings) as cell:
        for another in (("up",), ("up", "--rehearsal")):  # found before any of it is started, the model too
            assert "already run by process" in refused(settings, *another)
        key = make_tenant(cell, "acme").secret

        machine.child("turns.pro").kill()
        machine.child("ingest.pro").kill()
        machine.says("worker ended (-9) and was started again")
        machine.says("ingest ended (-9) and was started again")

        with Headgate(cell.bus_url, key, principal="acme") as service:
            document = {"name": "lift", "text": "The red lift goes to the roof."}
            for kind, payload in {"knowledge.ingest": document, "ops.probe": {}}.items():
                assert service.submit(kind, payload).wait(PATIENCE).data.state == "done"

        assert machine.stop(signal.SIGINT) == 0
        assert machine.said.endswith("Stopped; nothing is left running.\n")
        assert machine.left() == []


def test_up_finishes_what_a_killed_one_left_and_ends_its_children(settings: Settings, tmp_path: Path) -> None:
    with up(settings, tmp_path / "first") as first:
        with (
            opened(settings) as cell,
            Headgate(cell.bus_url, make_tenant(cell, "acme").secret, principal="acme") as acme,
        ):
            acme.submit_many([Submission("ops.probe", {"seconds": 2.0}) for _ in range(8)])
            eventually(lambda: states(cell) == {"waiting", "running", "done"}, "some are done, some run, some wait")
        first.look()
        first.process.kill()
        first.process.wait()
        assert len(first.left()) > 3

        with up(settings, tmp_path / "second") as second, opened(settings) as cell:
            assert first.left() == []
            eventually(lambda: states(cell) == {"done"}, "every job is done")
            assert second.stop(signal.SIGTERM) == 0
            assert second.left() == []

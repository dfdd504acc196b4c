"""Workers are killed and stopped in the middle of things: every job still ends once, and every draw is on record."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import psutil
import psycopg
import pytest

from shared.cell import Cell
from shared.embedded import Servers
from shared.metering.prices import Tokens
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.walking import finished, submit
from tests.support.workers import PATIENCE, Worker, eventually, workers

KEY_OF_THE_MODEL = "sk-test-key"

LANES = ["turns.pro", "ingest.pro", "embed.pro", "ops.pro"]

TURN = {"conversation": "c-1", "message": "What is a lock?"}


@contextmanager
def own_cell(servers: Servers, model: Rehearsal, **settings: Any) -> Iterator[Cell]:
    """A cell with these settings and the model behind it."""
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), OPENAI_BASE_URL=model.url, **settings) as cell,
    ):
        yield cell


def rows(cell: Cell, tenant: str, statement: str) -> list[dict[str, Any]]:
    with cell.database.transaction(tenant) as connection:
        return connection.execute(statement).fetchall()


def intents(cell: Cell) -> list[dict[str, Any]]:
    return rows(cell, "acme", "SELECT call_id, place FROM tenant.steps WHERE state = 'intent' AND model IS NOT NULL")


def calling(cell: Cell, model: Rehearsal, *, calls: int) -> None:
    """Until a worker is inside its call number `calls`: the intent is committed and the model has the request."""
    eventually(lambda: intents(cell), "a call is intended")
    eventually(lambda: len(model.served(KEY_OF_THE_MODEL)) >= calls, "the call is on its way")


def answered_once(cell: Cell, job_id: str) -> dict[str, Any]:
    """The job's row, after looking that the conversation got one question and one answer."""
    row = finished(cell, "acme", job_id)
    assert row["state"] == "done", row["error"]
    spoken = "SELECT role, content FROM tenant.messages WHERE role <> 'tool' AND tool_calls IS NULL ORDER BY position"
    said = rows(cell, "acme", spoken)
    assert [message["role"] for message in said] == ["user", "assistant"]
    assert said[1]["content"] == row["result"]["answer"]
    return row


def recorded(cell: Cell) -> dict[str, Tokens]:
    """Billed and unknown tokens, once every draw is on record."""
    unrecorded = "SELECT FROM tenant.steps WHERE model IS NOT NULL AND state <> 'failed' AND recorded_at IS NULL"
    eventually(lambda: not rows(cell, "acme", unrecorded), "every draw is on record")
    summed = "SELECT status, meter, sum(quantity)::bigint AS tokens FROM control.usage_records GROUP BY 1, 2"
    found = {(row["status"], row["meter"]): row["tokens"] for row in rows(cell, "acme", summed)}
    return {
        status: Tokens(found.get((status, "tokens.input"), 0), found.get((status, "tokens.output"), 0))
        for status in ("billed", "unknown")
    }


def books_agree(cell: Cell, model: Rehearsal) -> dict[str, Tokens]:
    """What is billed <= served <= billed + unknown, by the model's own log."""
    served, books = model.total(KEY_OF_THE_MODEL), recorded(cell)
    billed, unknown = books["billed"], books["unknown"]
    assert billed.input <= served.input_tokens <= billed.input + unknown.input
    assert billed.output <= served.output_tokens <= billed.output + unknown.output
    return books


def called_again(model: Rehearsal, cell: Cell) -> None:
    """No step that was answered has been called for again, and no call id was used twice."""
    served = [call.request_id or "" for call in model.served(KEY_OF_THE_MODEL)]
    assert len(served) == len(set(served))
    answered = rows(cell, "acme", "SELECT place, run FROM tenant.steps WHERE state = 'answered' AND model IS NOT NULL")
    places = [row["place"] for row in answered]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("call", [1, 2])
def test_a_turn_whose_worker_is_killed_is_finished_by_another(speaking_cell: Cell, model: Rehearsal, call: int) -> None:
    """Killed in its first call, when nothing is known, and in its second, when the first must not be made again."""
    cell = speaking_cell
    key = cells.make_tenant(cell, "acme").secret
    model.settings(faults=[{"fault": "lost", "after": call - 1, "model": "rehearsal-1"}])
    with workers(cell, LANES) as (doomed,):
        turn = submit(cell, "agent.turn", TURN, key)
        calling(cell, model, calls=call)
        with workers(cell, LANES):
            doomed.kill()
            row = answered_once(cell, turn)
            books = books_agree(cell, model)
    assert (row["run"], row["failures"]) == (2, 1)
    called_again(model, cell)
    (lost,) = rows(cell, "acme", "SELECT * FROM tenant.steps WHERE state = 'unknown'")
    assert books["unknown"] == Tokens(lost["worst_input_tokens"], lost["worst_output_tokens"])
    assert model.lookup(lost["call_id"])


def test_a_turn_is_finished_though_the_gate_forgot_it_and_its_worker_died(
    speaking_cell: Cell, model: Rehearsal
) -> None:
    """A flush in the middle of the turn, then a kill: only the ledger still knows that it ran."""
    cell = speaking_cell
    key = cells.make_tenant(cell, "acme").secret
    model.settings(faults=[{"fault": "lost", "model": "rehearsal-1"}])
    with workers(cell, LANES) as (doomed,):
        turn = submit(cell, "agent.turn", TURN, key)
        calling(cell, model, calls=1)
        cell.redis.flushall()
        eventually(cell.gate.is_open, "the gate is rebuilt")
        with workers(cell, LANES):
            doomed.kill()
            answered_once(cell, turn)
            books_agree(cell, model)


def test_a_job_that_keeps_killing_its_worker_ends_dead_and_is_kept(servers: Servers, model: Rehearsal) -> None:
    model.settings(faults=[{"fault": "lost", "times": None, "model": "rehearsal-1"}])
    with own_cell(servers, model, failures_allowed=2) as cell:
        key = cells.make_tenant(cell, "acme").secret
        turn = submit(cell, "agent.turn", TURN, key, replyto="headgate.replies.acme.inbox")
        for deaths in (1, 2):
            with workers(cell, LANES) as (doomed,):
                calling(cell, model, calls=deaths)
                doomed.kill()
        with workers(cell, LANES):
            row = finished(cell, "acme", turn)
            books_agree(cell, model)
    assert (row["state"], row["failures"], row["run"]) == ("dead", 2, 3)
    assert "died" in row["error"]
    assert len(model.served(KEY_OF_THE_MODEL)) == 2


def test_an_ingest_whose_child_process_is_killed_is_done_once(cell: Cell) -> None:
    with workers(cell, ["ingest.pro"], pool="prefork", slots=2) as (worker,):
        ingest = ingesting(cell, lambda: kill_children(worker))
        ingested_once(cell, ingest)


def test_an_ingest_whose_parent_process_is_killed_is_done_once_by_another_worker(cell: Cell) -> None:
    with workers(cell, ["ingest.pro"], pool="prefork", slots=2) as (worker,):
        ingest = ingesting(cell, lambda: kill_parent(worker))
    with workers(cell, ["ingest.pro"], pool="prefork", slots=2):
        ingested_once(cell, ingest)


def children(worker: Worker) -> list[psutil.Process]:
    return psutil.Process(worker.process.pid).children(recursive=True)


def kill_parent(worker: Worker) -> None:
    """And see its children end with it, before what they wait for comes."""
    orphans = children(worker)
    worker.process.kill()
    assert not psutil.wait_procs(orphans, timeout=PATIENCE)[1], "no child lives on"


def kill_children(worker: Worker) -> None:
    for child in children(worker):
        child.kill()


def ingesting(cell: Cell, strike: Callable[[], None]) -> str:
    """A job whose worker is struck in its middle."""
    key = cells.make_tenant(cell, "acme").secret
    with stuck(cell):
        ingest = submit(cell, "knowledge.ingest", {"name": "with", "text": topics["with"]}, key)
        eventually(lambda: waiting_for_a_lock(cell), "the ingest is in its middle")
        strike()
    return ingest


def ingested_once(cell: Cell, ingest: str) -> None:
    row = finished(cell, "acme", ingest)
    assert (row["state"], row["run"], row["failures"]) == ("done", 2, 1)
    assert len(rows(cell, "acme", "SELECT FROM tenant.documents")) == 1
    assert len(rows(cell, "acme", "SELECT FROM tenant.jobs WHERE kind = 'knowledge.embed'")) == 1


@contextmanager
def stuck(cell: Cell) -> Iterator[None]:
    """Whoever reads a document waits until this ends."""
    with psycopg.connect(cell.settings.database_admin_url or "") as admin:
        admin.execute("LOCK TABLE tenant.documents IN ACCESS EXCLUSIVE MODE")
        yield


def waiting_for_a_lock(cell: Cell) -> bool:
    with psycopg.connect(cell.settings.database_admin_url or "") as admin:
        return admin.execute("SELECT FROM pg_locks WHERE NOT granted AND relation IS NOT NULL").fetchone() is not None

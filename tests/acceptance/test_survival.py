"""Workers are killed and stopped in the middle of things: every job still ends once, and every draw is on record."""

import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from shared.cell import Cell
from shared.metering.prices import Tokens
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.walking import finished, job, submit
from tests.support.workers import Worker, eventually, workers

KEY_OF_THE_MODEL = "sk-test-key"

LANES = ["turns.pro", "ingest.pro", "embed.pro", "ops.pro"]

TURN = {"conversation": "c-1", "message": "What is a lock?"}


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
    said = rows(cell, "acme", "SELECT role, content FROM tenant.messages ORDER BY position")
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
    """billed <= served <= billed + unknown, by the model's own log."""
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
def test_a_turn_whose_worker_is_killed_is_finished_by_another(
    speaking_cell: Cell, model: Rehearsal, call: int
) -> None:
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

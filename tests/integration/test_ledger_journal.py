"""The journal: what was about to be called, what was drawn, and what a later run may trust."""

from typing import Any

import pytest

from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import journal, runs
from shared.ledger.jobs import NewJob
from shared.ledger.journal import Step
from shared.ledger.runs import Fenced
from shared.metering.prices import Tokens
from tests.support.cells import make_tenant
from tests.support.ledgers import lease_on, new_job, record

WORST = Tokens(100, 200)
DRAWN = Tokens(10, 20, 5)


@pytest.fixture
def job(cell: Cell) -> NewJob:
    make_tenant(cell, "acme")
    made = new_job()
    record(cell, made)
    return made


def started(cell: Cell, job: NewJob, token: int) -> Lease:
    return runs.start(cell.database, lease_on(job, token)).lease


def step(place: str = "1", run: int = 1) -> Step:
    return Step(f"{place}/{run}", place, run, "model", b"input", "rehearsal-1", WORST)


def intended(cell: Cell, job: NewJob) -> Lease:
    """A first run that has written the intent of a step."""
    lease = started(cell, job, 1)
    journal.intend(cell.database, lease, step())
    return lease


def answer(cell: Cell, lease: Lease, outcome: dict[str, Any] | None) -> None:
    with cell.database.transaction(lease.tenant) as connection:
        journal.answer(connection, lease, step(), DRAWN, outcome)


def kept(cell: Cell) -> dict[str, Any]:
    with cell.database.transaction("acme") as connection:
        (row,) = connection.execute("SELECT * FROM tenant.steps").fetchall()
    return row


def test_an_intent_says_the_worst_before_the_call(cell: Cell, job: NewJob) -> None:
    intended(cell, job)
    row = kept(cell)
    assert (row["state"], row["worst_input_tokens"], row["worst_output_tokens"]) == ("intent", 100, 200)
    assert (row["input_tokens"], row["ended_at"]) == (0, None)


def test_an_answered_step_is_replayed_by_its_place(cell: Cell, job: NewJob) -> None:
    lease = intended(cell, job)
    answer(cell, lease, {"said": "hello"})
    past = journal.answered(cell.database, started(cell, job, 2))
    assert {place: known.outcome for place, known in past.items()} == {"1": {"said": "hello"}}
    row = kept(cell)
    assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"]) == (10, 20, 5)


def test_an_intent_left_open_is_unknown_to_the_next_run(cell: Cell, job: NewJob) -> None:
    intended(cell, job)
    started(cell, job, 2)
    row = kept(cell)
    assert row["state"] == "unknown"
    assert row["ended_at"] is not None


def test_an_answered_step_is_not_lost_by_the_next_start(cell: Cell, job: NewJob) -> None:
    answer(cell, intended(cell, job), {"said": "hello"})
    started(cell, job, 2)
    assert kept(cell)["state"] == "answered"


def test_the_draw_of_a_zombie_is_recorded_and_its_answer_is_not_replayed(cell: Cell, job: NewJob) -> None:
    zombie = intended(cell, job)
    holder = started(cell, job, 2)
    answer(cell, zombie, None)
    row = kept(cell)
    assert (row["state"], row["input_tokens"], row["error"]) == ("answered", 10, None)
    assert journal.answered(cell.database, holder) == {}


def test_a_draw_already_recorded_as_unknown_stays_as_it_was_billed(cell: Cell, job: NewJob) -> None:
    zombie = intended(cell, job)
    started(cell, job, 2)
    with cell.metering.connection() as connection:
        connection.execute("UPDATE tenant.steps SET recorded_at = now()")
    answer(cell, zombie, None)
    assert kept(cell)["state"] == "unknown"


@pytest.mark.parametrize(("lost", "state"), [(True, "unknown"), (False, "failed")])
def test_a_call_without_an_answer_is_closed_as_what_it_may_have_drawn(
    cell: Cell, job: NewJob, lost: bool, state: str
) -> None:
    lease = intended(cell, job)
    journal.close(cell.database, lease, step(), lost=lost, error="cut")
    assert (kept(cell)["state"], kept(cell)["error"]) == (state, "cut")
    assert journal.answered(cell.database, started(cell, job, 2)) == {}


def test_an_answered_step_is_not_closed_again(cell: Cell, job: NewJob) -> None:
    lease = intended(cell, job)
    answer(cell, lease, {"said": "hello"})
    journal.close(cell.database, lease, step(), lost=True, error="cut")
    assert kept(cell)["state"] == "answered"


def test_a_fenced_run_may_neither_intend_nor_note(cell: Cell, job: NewJob) -> None:
    zombie = started(cell, job, 1)
    started(cell, job, 2)
    with pytest.raises(Fenced):
        journal.intend(cell.database, zombie, step())
    with pytest.raises(Fenced):
        journal.note(cell.database, zombie, step(), {"said": "hello"})
    with cell.database.transaction("acme") as connection:
        assert connection.execute("SELECT FROM tenant.steps").rowcount == 0


def test_a_noted_step_is_replayed_and_costs_nothing(cell: Cell, job: NewJob) -> None:
    lease = started(cell, job, 1)
    journal.note(cell.database, lease, Step("0/1", "0", 1, "assembly", b"input"), {"history": []})
    assert journal.answered(cell.database, started(cell, job, 2))["0"].outcome == {"history": []}
    assert (kept(cell)["model"], kept(cell)["worst_input_tokens"]) == (None, 0)

"""The journal: what was about to be called, what was drawn, and what a later run may trust."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import journal, runs
from shared.ledger.jobs import NewJob
from shared.ledger.journal import Step
from shared.ledger.runs import Fenced, fenced_transaction
from shared.metering.prices import Tokens
from shared.stores.postgres import Database
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
    return Step(f"{place}/{run}", place, run, "model", b"input", "rehearsal-1", WORST, worst_nano=350)


def intended(cell: Cell, job: NewJob) -> Lease:
    """A first run that has written the intent of a step."""
    lease = started(cell, job, 1)
    with fenced_transaction(cell.database, lease) as connection:
        journal.intend(connection, lease, step())
    return lease


def answer(cell: Cell, lease: Lease, outcome: dict[str, Any] | None) -> None:
    with cell.database.transaction(lease.tenant) as connection:
        journal.answer(connection, lease, step(), DRAWN, outcome, nano=35)


def kept(cell: Cell) -> dict[str, Any]:
    with cell.database.transaction("acme") as connection:
        (row,) = connection.execute("SELECT * FROM tenant.steps").fetchall()
    return row


def mark_recorded(cell: Cell) -> None:
    with cell.metering.connection() as connection:
        connection.execute("UPDATE tenant.steps SET recorded_at = now()")


def test_an_intent_says_the_worst_before_the_call(cell: Cell, job: NewJob) -> None:
    intended(cell, job)
    row = kept(cell)
    assert (row["state"], row["worst_input_tokens"], row["worst_output_tokens"]) == ("intent", 100, 200)
    assert (row["worst_nano"], row["input_tokens"], row["drawn_nano"], row["ended_at"]) == (350, 0, 0, None)


def test_an_answered_step_is_replayed_by_its_place(cell: Cell, job: NewJob) -> None:
    lease = intended(cell, job)
    answer(cell, lease, {"said": "hello"})
    past = journal.answered(cell.database, started(cell, job, 2))
    assert {place: known.outcome for place, known in past.items()} == {"1": {"said": "hello"}}
    row = kept(cell)
    assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"], row["drawn_nano"]) == (10, 20, 5, 35)
    assert row["reconciled_at"] is None


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


def test_a_late_answer_puts_an_unknown_call_right_and_has_it_recorded_again(cell: Cell, job: NewJob) -> None:
    zombie = intended(cell, job)
    started(cell, job, 2)
    mark_recorded(cell)
    lost = kept(cell)
    answer(cell, zombie, None)
    row = kept(cell)
    assert (row["state"], row["drawn_nano"], row["recorded_at"]) == ("answered", 35, None)
    assert row["reconciled_at"] is not None
    assert row["ended_at"] == lost["ended_at"], "its record is corrected in the quarter of an hour it stands in"


def test_what_is_known_of_a_call_is_not_written_over(cell: Cell, job: NewJob) -> None:
    lease = intended(cell, job)
    answer(cell, lease, {"said": "hello"})
    mark_recorded(cell)
    before = kept(cell)
    for write in (journal.fail, journal.void, journal.lose):
        write(cell.database, lease, step(), "cut")
    answer(cell, lease, None)
    assert kept(cell) == before


@pytest.mark.parametrize(
    ("write", "state"), [(journal.lose, "unknown"), (journal.fail, "failed"), (journal.void, "void")]
)
def test_a_call_without_an_answer_is_closed_as_what_it_may_have_drawn(
    cell: Cell, job: NewJob, write: Callable[[Database, Lease, Step, str], None], state: str
) -> None:
    lease = intended(cell, job)
    write(cell.database, lease, step(), "cut")
    row = kept(cell)
    assert (row["state"], row["error"], row["reconciled_at"]) == (state, "cut", None)
    assert row["ended_at"] is not None
    assert journal.answered(cell.database, started(cell, job, 2)) == {}


def test_a_call_that_was_never_made_is_void_though_its_run_was_given_up(cell: Cell, job: NewJob) -> None:
    zombie = intended(cell, job)
    started(cell, job, 2)
    mark_recorded(cell)
    journal.void(cell.database, zombie, step(), "the lease was lost")
    row = kept(cell)
    assert (row["state"], row["input_tokens"], row["recorded_at"]) == ("void", 0, None)
    assert row["reconciled_at"] is not None


def test_a_fenced_run_may_neither_intend_nor_note(cell: Cell, job: NewJob) -> None:
    zombie = started(cell, job, 1)
    started(cell, job, 2)
    with pytest.raises(Fenced), fenced_transaction(cell.database, zombie) as connection:
        journal.intend(connection, zombie, step())
    with pytest.raises(Fenced), fenced_transaction(cell.database, zombie) as connection:
        journal.note(connection, zombie, step(), {"said": "hello"})
    with cell.database.transaction("acme") as connection:
        assert connection.execute("SELECT FROM tenant.steps").rowcount == 0


def test_a_noted_step_is_replayed_and_costs_nothing(cell: Cell, job: NewJob) -> None:
    lease = started(cell, job, 1)
    with fenced_transaction(cell.database, lease) as connection:
        journal.note(connection, lease, Step("0/1", "0", 1, "assembly", b"input"), {"history": []})
    assert journal.answered(cell.database, started(cell, job, 2))["0"].outcome == {"history": []}
    assert (kept(cell)["model"], kept(cell)["worst_input_tokens"]) == (None, 0)

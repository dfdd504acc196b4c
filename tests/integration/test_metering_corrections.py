"""Lost calls of which somebody knows better: the record is corrected by records of its own, to the token."""

import pytest

from shared.cell import Cell
from shared.ledger import journal
from shared.metering.prices import Tokens
from tests.support.billing import answer, intended, on_bill, records, running, sums
from tests.support.spending import INPUT, MODEL, OUTPUT
from workers.metering.overdue import lose_overdue
from workers.metering.record import Recorder


@pytest.mark.parametrize("recorded_before", [False, True])
def test_an_answer_that_comes_after_its_run_was_lost_is_billed_exactly(cell: Cell, recorded_before: bool) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "the lease was lost")
    if recorded_before:
        Recorder(cell).record()
    answer(cell, run, step, Tokens(input=10, output=1))
    for _ in range(2):
        Recorder(cell).record()
    assert on_bill(cell) == {
        (step.call_id, "tokens.input", "billed"): (10, 10 * INPUT),
        (step.call_id, "tokens.output", "billed"): (1, OUTPUT),
    }
    assert len(records(cell)) == 6, "at worst, its reversal, and what was drawn, on two meters"
    assert len({row["drawn_at"] for row in records(cell)}) == 1, "in one quarter of an hour"
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_a_call_that_was_not_served_after_all_is_taken_off_the_bill(cell: Cell) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "cut")
    Recorder(cell).record()
    journal.void(cell.database, run.lease, step, "it was never made")
    Recorder(cell).record()
    assert on_bill(cell) == {}
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_a_lost_call_is_reversed_at_the_price_it_was_recorded_at(cell: Cell) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "cut")
    Recorder(cell).record()
    answer(cell, run, step, Tokens(input=10, output=1))
    dearer = Cell(cell.settings.model_copy(update={"prices": {MODEL: {"input": "1", "output": "3"}}}))
    Recorder(dearer).record()
    dearer.close()
    assert on_bill(cell) == {
        (step.call_id, "tokens.input", "billed"): (10, 2 * 10 * INPUT),
        (step.call_id, "tokens.output", "billed"): (1, 2 * OUTPUT),
    }


def test_an_intent_whose_run_is_surely_over_is_on_record_though_its_job_does_not_start(cell: Cell) -> None:
    run = running(cell, "acme")
    overdue, _ = intended(cell, run, "0.model"), intended(cell, run, "1.model")
    with cell.admin.connection() as connection:
        connection.execute(
            "UPDATE tenant.steps SET intended_at = now() - interval '10 minutes' WHERE place = '0.model'"
        )
    lose_overdue(cell)
    Recorder(cell).record()
    assert set(on_bill(cell)) == {(overdue.call_id, f"tokens.{way}", "unknown") for way in ("input", "output")}

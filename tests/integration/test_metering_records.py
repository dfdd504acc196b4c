"""From the journal to the bill: each draw once, whoever records it and however often; sums that are the sums."""

import csv
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from shared import ids
from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import journal, runs
from shared.ledger.journal import Step
from shared.ledger.runs import Run
from shared.metering.prices import Tokens
from shared.tenancy.provision import Provisioning
from tests.support.cells import make_tenant
from tests.support.walking import finished, submit
from tests.support.workers import workers
from workers.metering.overdue import lose_overdue
from workers.metering.record import Recorder

TURN = {"conversation": "c-1", "message": "hello"}

MODEL = "rehearsal-1"

#: What `rehearsal-1` costs, in nano-dollars per token: 0.50 and 1.50 USD per million.
INPUT, OUTPUT = 500, 1500

WORST = Tokens(input=1000, output=200)
WORST_NANO = 1000 * INPUT + 200 * OUTPUT


def running(cell: Cell, tenant: str) -> Run:
    """A job of a new tenant that is being run, by this test."""
    submit(cell, "agent.turn", TURN, make_tenant(cell, tenant).secret)
    lease = cell.gate.claim("test", ["turns.pro"], 30).lease
    assert isinstance(lease, Lease)
    return runs.start(cell.database, lease)


def intended(cell: Cell, run: Run, place: str, model: str = MODEL) -> Step:
    step = Step(f"{run.job}/{place}/1/1", place, 1, "model", b"", model, WORST, worst_nano=WORST_NANO)
    journal.intend(cell.database, run.lease, step)
    return step


def drawn(cell: Cell, run: Run, place: str, tokens: Tokens, model: str = MODEL) -> Step:
    """A call that was answered."""
    step = intended(cell, run, place, model)
    answer(cell, run, step, tokens)
    return step


def answer(cell: Cell, run: Run, step: Step, tokens: Tokens) -> None:
    with cell.database.transaction(run.tenant) as connection:
        nano = tokens.input * INPUT + tokens.output * OUTPUT
        journal.answer(connection, run.lease, step, tokens, {}, nano=nano)


def recorder(cell: Cell) -> Recorder:
    return Recorder(cell)


def records(cell: Cell) -> list[dict[str, Any]]:
    with cell.metering.connection() as connection:
        return connection.execute("SELECT * FROM control.usage_records ORDER BY call_id, meter").fetchall()


def sums(cell: Cell, table: str) -> list[dict[str, Any]]:
    counted = "count(*)" if table == "usage_records" else "sum(records)"
    statement = f"""
    SELECT tenant_id, meter, model, status, sum(quantity)::bigint AS quantity, sum(cost_nano)::bigint AS cost,
           {counted}::bigint AS records
    FROM control.{table} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
    with cell.metering.connection() as connection:
        return connection.execute(statement).fetchall()


def test_a_draw_is_recorded_once_by_one_who_looks_twice(cell: Cell) -> None:
    run = running(cell, "acme")
    step = drawn(cell, run, "0.model", Tokens(input=100, output=20))
    for _ in range(2):
        recorder(cell).record()
    incoming, outgoing = records(cell)
    assert (incoming["quantity"], incoming["cost_nano"]) == (100, 100 * INPUT)
    assert (outgoing["quantity"], outgoing["cost_nano"]) == (20, 20 * OUTPUT)
    assert incoming["status"] == outgoing["status"] == "billed"
    assert incoming["record_id"] == ids.derived("usage", step.call_id, "tokens.input")
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_draws_are_recorded_once_by_many_who_look_at_once(cell: Cell) -> None:
    run = running(cell, "acme")
    for place in range(40):
        drawn(cell, run, f"{place}.model", Tokens(input=100 + place, output=place))
    together = threading.Barrier(4)

    def record() -> None:
        together.wait()
        for _ in range(3):
            recorder(cell).record()

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records(cell)) == 40 + 39, "no record of the draw without output"
    assert sum(row["quantity"] for row in records(cell)) == 40 * 100 + 2 * sum(range(40))
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_a_recorder_that_died_before_its_mark_records_nothing_twice(cell: Cell) -> None:
    run = running(cell, "acme")
    drawn(cell, run, "0.model", Tokens(input=100, output=20))
    recorder(cell).record()
    before = records(cell)
    with cell.admin.transaction() as connection:
        connection.execute("UPDATE tenant.steps SET recorded_at = NULL")
    recorder(cell).record()
    assert records(cell) == before
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_a_lost_call_is_recorded_at_its_worst_and_as_unknown(cell: Cell) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "cut")
    recorder(cell).record()
    assert [(row["status"], row["quantity"]) for row in records(cell)] == [("unknown", 1000), ("unknown", 200)]
    assert sum(row["cost_nano"] for row in records(cell)) == 1000 * INPUT + 200 * OUTPUT


def test_a_refused_call_and_an_open_intent_are_not_recorded(cell: Cell) -> None:
    run = running(cell, "acme")
    journal.fail(cell.database, run.lease, intended(cell, run, "0.model"), "429")
    intended(cell, run, "1.model")
    recorder(cell).record()
    assert records(cell) == []


def on_bill(cell: Cell) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Tokens and nano-dollars by call, meter and status, where the records do not cancel each other out."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in records(cell):
        key = (row["call_id"], row["meter"], row["status"])
        quantity, cost = sums.get(key, (0, 0))
        sums[key] = (quantity + row["quantity"], cost + row["cost_nano"])
    return {key: found for key, found in sums.items() if found != (0, 0)}


@pytest.mark.parametrize("recorded_before", [False, True])
def test_an_answer_that_comes_after_its_run_was_lost_is_billed_exactly(cell: Cell, recorded_before: bool) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "the lease was lost")
    if recorded_before:
        recorder(cell).record()
    answer(cell, run, step, Tokens(input=10, output=1))
    for _ in range(2):
        recorder(cell).record()
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
    recorder(cell).record()
    journal.void(cell.database, run.lease, step, "it was never made")
    recorder(cell).record()
    assert on_bill(cell) == {}
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_a_lost_call_is_reversed_at_the_price_it_was_recorded_at(cell: Cell) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "cut")
    recorder(cell).record()
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
    recorder(cell).record()
    assert set(on_bill(cell)) == {(overdue.call_id, f"tokens.{way}", "unknown") for way in ("input", "output")}


def test_a_draw_that_nobody_can_price_keeps_no_other_off_the_bill(cell: Cell) -> None:
    run = running(cell, "acme")
    drawn(cell, run, "0.model", Tokens(input=1), model="a-model-whose-price-was-taken-away")
    step = drawn(cell, run, "1.model", Tokens(input=100, output=20))
    recorder(cell).record()
    assert {row["call_id"] for row in records(cell)} == {step.call_id}


def test_records_of_a_tenant_are_never_anothers(cell: Cell) -> None:
    for tenant, tokens in (("acme", 100), ("other", 7)):
        drawn(cell, running(cell, tenant), "0.model", Tokens(input=tokens, output=1))
    recorder(cell).record()
    for tenant, tokens in (("acme", 100), ("other", 7)):
        with cell.control.transaction(tenant) as connection:
            rows = connection.execute("SELECT tenant_id, quantity FROM control.usage_records").fetchall()
        assert {row["tenant_id"] for row in rows} == {tenant}
        assert sum(row["quantity"] for row in rows) == tokens + 1


def exported(cell: Cell, *tenants: str) -> dict[str, Any]:
    key = Provisioning(cell.admin).create_key(service="billing", acts_for=["*"], scopes=["billing:export"]).secret
    named = {"tenantids": list(tenants)} if tenants else {}
    with workers(cell, ["ops.platform"]):
        job = submit(cell, "billing.export", {"period": time.strftime("%Y-%m", time.gmtime())}, key, **named)
        return finished(cell, "platform", job)


def test_an_export_holds_the_named_tenants_and_its_totals_are_the_records(cell: Cell) -> None:
    for tenant, tokens in (("acme", 100), ("other", 7)):
        drawn(cell, running(cell, tenant), "0.model", Tokens(input=tokens, output=1))
    recorder(cell).record()
    result = exported(cell, "acme")["result"]
    with Path(result["object"].removeprefix("file://")).open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["tenant"], row["meter"], row["quantity"], row["cost_usd"]) for row in rows] == [
        ("acme", "tokens.input", "100", "0.000050000"),
        ("acme", "tokens.output", "1", "0.000001500"),
    ]
    assert (result["quantity"], result["cost_nano"], result["records"]) == (101, 51_500, 2)


def test_an_export_is_refused_where_rollups_and_records_differ(cell: Cell) -> None:
    drawn(cell, running(cell, "acme"), "0.model", Tokens(input=100, output=1))
    recorder(cell).record()
    with cell.admin.transaction() as connection:
        connection.execute("UPDATE control.rollups SET quantity = quantity + 1 WHERE meter = 'tokens.input'")
    strict = Cell(cell.settings.model_copy(update={"failures_allowed": 1}))
    row = exported(strict)
    strict.close()
    assert (row["state"], row["result"]) == ("dead", None)
    assert "rollups add up to 102 quantity, records to 101" in row["error"]
    assert not list(Path(cell.settings.home).rglob("*.csv"))

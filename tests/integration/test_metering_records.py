"""From the journal to the bill: each draw once, whoever records it and however often; sums that are the sums."""

import csv
import threading
import time
from pathlib import Path
from typing import Any

from shared import ids
from shared.cell import Cell
from shared.ledger import journal
from shared.metering.prices import Tokens
from shared.tenancy.provision import Provisioning
from tests.support.billing import drawn, intended, records, running, sums
from tests.support.spending import INPUT, OUTPUT
from tests.support.walking import finished, submit
from tests.support.workers import workers
from workers.metering.record import Recorder


def test_a_draw_is_recorded_once_by_one_who_looks_twice(cell: Cell) -> None:
    run = running(cell, "acme")
    step = drawn(cell, run, "0.model", Tokens(input=100, output=20))
    for _ in range(2):
        Recorder(cell).record()
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
            Recorder(cell).record()

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
    Recorder(cell).record()
    before = records(cell)
    with cell.admin.transaction() as connection:
        connection.execute("UPDATE tenant.steps SET recorded_at = NULL")
    Recorder(cell).record()
    assert records(cell) == before
    assert sums(cell, "rollups") == sums(cell, "usage_records")


def test_a_lost_call_is_recorded_at_its_worst_and_as_unknown(cell: Cell) -> None:
    run = running(cell, "acme")
    step = intended(cell, run, "0.model")
    journal.lose(cell.database, run.lease, step, "cut")
    Recorder(cell).record()
    assert [(row["status"], row["quantity"]) for row in records(cell)] == [("unknown", 1000), ("unknown", 200)]
    assert sum(row["cost_nano"] for row in records(cell)) == 1000 * INPUT + 200 * OUTPUT


def test_a_refused_call_and_an_open_intent_are_not_recorded(cell: Cell) -> None:
    run = running(cell, "acme")
    journal.fail(cell.database, run.lease, intended(cell, run, "0.model"), "429")
    intended(cell, run, "1.model")
    Recorder(cell).record()
    assert records(cell) == []


def test_a_draw_that_nobody_can_price_keeps_no_other_off_the_bill(cell: Cell) -> None:
    run = running(cell, "acme")
    drawn(cell, run, "0.model", Tokens(input=1), model="a-model-whose-price-was-taken-away")
    step = drawn(cell, run, "1.model", Tokens(input=100, output=20))
    Recorder(cell).record()
    assert {row["call_id"] for row in records(cell)} == {step.call_id}


def test_records_of_a_tenant_are_never_anothers(cell: Cell) -> None:
    for tenant, tokens in (("acme", 100), ("other", 7)):
        drawn(cell, running(cell, tenant), "0.model", Tokens(input=tokens, output=1))
    Recorder(cell).record()
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
    Recorder(cell).record()
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
    Recorder(cell).record()
    with cell.admin.transaction() as connection:
        connection.execute("UPDATE control.rollups SET quantity = quantity + 1 WHERE meter = 'tokens.input'")
    strict = Cell(cell.settings.model_copy(update={"failures_allowed": 1}))
    row = exported(strict)
    strict.close()
    assert (row["state"], row["result"]) == ("dead", None)
    assert "rollups add up to 102 quantity, records to 101" in row["error"]
    assert not list(Path(cell.settings.home).rglob("*.csv"))

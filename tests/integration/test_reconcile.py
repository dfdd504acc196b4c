"""Calls whose answers were lost: on record at their worst, until the provider's log says what they drew."""

import tempfile
import threading
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.cell import Cell
from shared.contracts.payloads import BillingReconcile
from shared.embedded import Servers
from shared.ledger import recording
from shared.ledger.runs import Run
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.calling import way
from tests.support.commands import done
from tests.support.ledgers import await_blocked
from tests.support.spending import INPUT, OUTPUT, journaled, level, limited, running, steps_of
from tests.support.workers import workers
from workers.calls import CallLost
from workers.metering import books
from workers.metering.reconcile import reconcile
from workers.metering.record import Recorder
from workers.models.chat import ChatRequest, chat_call
from workers.models.registry import Registry
from workers.outcomes import Done
from workers.run.context import Context

#: Of the calls here: room for one at a time, whatever it draws at worst.
LIMIT = 2_000_000

ASKED = ChatRequest("rehearsal-1", [{"role": "user", "content": "What does the with statement do?"}], 0.0, 64, [])


@pytest.fixture
def cell(servers: Servers, model: Rehearsal) -> Iterator[Cell]:
    """A cell whose provider keeps a log, which is believed at once."""
    told: dict[str, Any] = {"OPENAI_BASE_URL": model.url, "call_log_url": model.url, "call_log_grace_seconds": 0}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **told) as made:
        yield made


def ask(cell: Cell, run: Run, place: str = "0.model") -> None:
    call = chat_call(way(cell.settings.openai_base_url or ""), ASKED, timeout=1.0)
    steps_of(cell, run).paid(place, call)


def lose(cell: Cell, model: Rehearsal, fault: str, tenant: str = "acme") -> Run:
    """A run whose call is struck by the fault: `lost` and `cut` are served, `hang` is not."""
    run = running(cell, tenant, limited(cell, tenant, {"usd_day": LIMIT}))
    model.settings(faults=[{"fault": fault}])
    with pytest.raises(CallLost):
        ask(cell, run)
    Recorder(cell).record()
    assert level(cell, tenant).held == journaled(cell, tenant)[0]["worst_nano"] > 0
    return run


def reconciled(cell: Cell, run: Run, *tenants: str) -> dict[str, int]:
    """What a run of the job answers."""
    payload = BillingReconcile(tenants=tenants or None)
    context = Context(
        run,
        cell.tenants.get(run.tenant),
        payload=payload,
        settings=cell.settings,
        database=cell.database,
        metering=cell.metering,
        objects=cell.objects,
        registry=Registry(cell.settings, lambda *_: SecretStr(""), cell.tenants.at_least),
        steps=lambda _: steps_of(cell, run),
        interruption=lambda: None,
        calls_until=lambda: inf,
    )
    context.run = Run(**(vars(run) | {"kind": "billing.reconcile"}))
    outcome = reconcile(context, payload)
    assert isinstance(outcome, Done)
    return outcome.result.written()


def bill(cell: Cell) -> dict[str, tuple[int, int]]:
    """Tokens and nano-dollars by status; the records' sums are the rollups'."""
    statement = "SELECT status, sum(quantity)::bigint AS n, sum(cost_nano)::bigint AS nano FROM control.{} GROUP BY 1"
    with cell.metering.connection() as connection:
        summed = [
            {row["status"]: (row["n"], row["nano"]) for row in connection.execute(statement.format(table)).fetchall()}
            for table in ("usage_records", "rollups")
        ]
    assert summed[0] == summed[1]
    return {status: found for status, found in summed[0].items() if found != (0, 0)}


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_a_lost_call_that_was_served_is_billed_as_it_was_served(cell: Cell, model: Rehearsal, fault: str) -> None:
    run = lose(cell, model, fault)
    assert list(bill(cell)) == ["unknown"]
    assert reconciled(cell, run) == {"served": 1, "not_served": 0, "unknown": 0}
    Recorder(cell).record()
    served = model.total("sk-test-key")
    nano = served.input_tokens * INPUT + served.output_tokens * OUTPUT
    assert bill(cell) == {"billed": (served.input_tokens + served.output_tokens, nano)}
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (nano, 0)


def test_a_lost_call_that_was_never_served_is_taken_off_the_bill(cell: Cell, model: Rehearsal) -> None:
    run = lose(cell, model, "hang")
    assert reconciled(cell, run) == {"served": 0, "not_served": 1, "unknown": 0}
    Recorder(cell).record()
    assert bill(cell) == {}
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (0, 0)


def test_a_call_that_may_still_come_into_the_log_stays_unknown(cell: Cell, model: Rehearsal) -> None:
    run = lose(cell, model, "hang")
    patient = Cell(cell.settings.model_copy(update={"call_log_grace_seconds": 60.0}))
    assert reconciled(patient, run) == {"served": 0, "not_served": 0, "unknown": 1}
    patient.close()


def test_without_a_log_what_is_unknown_stays_so(cell: Cell, model: Rehearsal) -> None:
    run = lose(cell, model, "lost")
    without = Cell(cell.settings.model_copy(update={"call_log_url": None}))
    assert reconciled(without, run) == {"served": 0, "not_served": 0, "unknown": 1}
    without.close()
    assert list(bill(cell)) == ["unknown"]


def test_a_second_reconciliation_finds_nothing_left(cell: Cell, model: Rehearsal) -> None:
    run = lose(cell, model, "lost")
    reconciled(cell, run)
    assert reconciled(cell, run) == {"served": 0, "not_served": 0, "unknown": 0}
    for _ in range(2):
        Recorder(cell).record()
    before = bill(cell)
    reconciled(cell, run)
    Recorder(cell).record()
    assert bill(cell) == before


def test_a_reconciliation_is_about_the_tenants_it_names(cell: Cell, model: Rehearsal) -> None:
    run = lose(cell, model, "lost")
    lose(cell, model, "lost", tenant="globex")
    assert reconciled(cell, run, "globex") == {"served": 1, "not_served": 0, "unknown": 0}
    assert reconciled(cell, run) == {"served": 1, "not_served": 0, "unknown": 0}


def test_a_step_that_a_recorder_is_at_is_put_right_after_it(cell: Cell, model: Rehearsal) -> None:
    """The recorder has read it as unknown, and has written that, when the log's answer comes."""
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": LIMIT}))
    model.settings(faults=[{"fault": "lost"}])
    with pytest.raises(CallLost):
        ask(cell, run)
    beside = threading.Thread(target=lambda: reconciled(cell, run))
    recorder = Recorder(cell)
    with cell.metering.transaction() as tenant_data:
        found = recording.finished(tenant_data, but=[], limit=10)
        books.write(cell.metering, recorder._priced(found))
        beside.start()
        await_blocked(cell)
        recording.mark(tenant_data, found)
    beside.join()
    recorder.record()
    served = model.total("sk-test-key")
    assert bill(cell)["billed"][0] == served.input_tokens + served.output_tokens
    assert "unknown" not in bill(cell)


def shown(cell: Cell, run: Run) -> str:
    """The step's line, as people read it."""
    lines = done(cell.settings, "jobs", "show", str(run.job)).out.splitlines()
    (line,) = (line for line in lines if line.startswith("0.model"))
    return line


def test_an_operator_asks_for_it_and_reads_what_came_of_it(cell: Cell, model: Rehearsal) -> None:
    run = lose(cell, model, "lost")
    served = model.total("sk-test-key")
    assert f"{served.input_tokens}" not in shown(cell, run).split(), "at worst, it drew more"
    with workers(cell, ["ops.platform"]):
        said = done(cell.settings, "billing", "reconcile", "--tenant", "acme", "--wait", "--json").document
        assert {name: said[name] for name in ("served", "not_served", "unknown")} == {
            "served": 1,
            "not_served": 0,
            "unknown": 0,
        }
    assert bill(cell)["billed"][0] == served.input_tokens + served.output_tokens
    assert f"{served.input_tokens}" in shown(cell, run).split()
    usage = done(cell.settings, "usage", "--json").document
    assert (len(usage["billed"]["rows"]), usage["unknown"]["rows"]) == (2, [])
    assert "job" in done(cell.settings, "billing", "reconcile", "--json").document

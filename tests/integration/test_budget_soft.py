"""Soft budgets: what exceeds them passes, and is said once a window, whoever records it."""

import pytest
from structlog.testing import capture_logs

from shared.cell import Cell
from shared.gate.gate import GateClosed
from shared.gate.keys import prefix
from shared.telemetry import metrics
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.support.spending import DRAWN, Provider, limited, running, steps_of
from workers.metering.record import Recorder

CALLS = 4


@pytest.fixture
def exceeded(cell: Cell) -> str:
    """A tenant that draws more than its soft budget with its second call."""
    run = running(cell, "acme", limited(cell, "acme", {"tokens_hour": DRAWN.total}, soft="tokens_hour"))
    for number in range(CALLS):
        steps_of(cell, run).paid(f"{number}.model", Provider().call())
    return "acme"


def counted() -> float:
    return float(metrics.BUDGETS_EXCEEDED.labels(budget="tokens_hour")._value.get())


def test_a_soft_budget_is_said_to_be_exceeded_once_a_window(
    cell: Cell, exceeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.metering.record.BATCH", 1)
    before = counted()
    with capture_logs() as logs:
        for _ in range(CALLS):
            Recorder(cell).record()
    assert counted() - before == 1
    (said,) = [entry for entry in logs if entry["event"] == "a soft budget is exceeded"]
    assert (said["tenant"], said["budget"], said["drawn"]) == (exceeded, "tokens_hour", CALLS * DRAWN.total)
    (note,) = cell.redis.keys(f"{prefix(cell.settings.cell)}exceeded:*")
    assert 0 < cell.redis.ttl(note) <= 3600


@pytest.mark.parametrize("change", [{"tokens_hour": 10 * DRAWN.total}, {}])
def test_nothing_is_said_of_a_budget_that_is_not_exceeded_or_is_hard(
    cell: Cell, exceeded: str, change: dict[str, int]
) -> None:
    soft = frozenset({"tokens_hour"}) if change else frozenset()
    hard = Change(limits=change or {"tokens_hour": 1}, soft=soft)
    budgets.change_tenant(cell.admin, exceeded, hard)
    before = counted()
    Recorder(cell).record()
    assert counted() == before


def test_draws_are_recorded_though_nobody_can_look_at_soft_budgets(
    cell: Cell, exceeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: str) -> None:
        raise GateClosed("closed")

    monkeypatch.setattr(cell.gate, "drawn", closed)
    Recorder(cell).record()
    with cell.metering.connection() as connection:
        assert connection.execute("SELECT FROM control.usage_records").rowcount == 2 * CALLS

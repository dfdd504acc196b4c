"""A gate that lost its memory knows its budgets again, as the journal has them: what was drawn, what may have been."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.cell import Cell
from shared.gate.gate import Gate, GateClosed
from shared.gate.values import Draw
from shared.gate.windows import Windows
from shared.ledger import drawing, journal
from shared.ledger.runs import Run
from shared.stores.postgres import one
from tests.support.spending import (
    DRAWN,
    DRAWN_NANO,
    WORST,
    WORST_NANO,
    Provider,
    journaled,
    level,
    limited,
    running,
    steps_of,
)
from workers.calls import Call, CallLost, Reply
from workers.metering.record import Recorder
from workers.run.reservations import OverBudget

LIMIT = 10 * WORST_NANO


def started(cell: Cell, tenant: str = "acme") -> Run:
    return running(cell, tenant, limited(cell, tenant, {"usd_day": LIMIT}))


def rebuild(cell: Cell) -> None:
    cell.redis.flushall()
    assert cell.rebuilder.rebuild() is not None


def lost(_: str) -> Reply:
    raise CallLost("cut")


def amounts(cell: Cell, tenant: str = "acme") -> tuple[int, int]:
    """Drawn and held."""
    found = level(cell, tenant)
    return found.drawn, found.held


def test_what_was_drawn_and_may_have_been_comes_back(cell: Cell) -> None:
    run, other = started(cell), started(cell, "globex")
    steps_of(cell, run).paid("0.model", Provider().call())
    with pytest.raises(CallLost):
        steps_of(cell, run).paid("1.model", Call("model", "rehearsal-1", {}, WORST, lost))
    steps_of(cell, other).paid("0.model", Provider().call())
    before = [cell.gate.drawn(tenant) for tenant in ("acme", "globex")]
    assert amounts(cell) == (DRAWN_NANO, WORST_NANO)
    rebuild(cell)
    assert [cell.gate.drawn(tenant) for tenant in ("acme", "globex")] == before


def test_a_hard_budget_holds_through_a_rebuild(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": 2 * WORST_NANO - 1}))
    with pytest.raises(CallLost):
        steps_of(cell, run).paid("0.model", Call("model", "rehearsal-1", {}, WORST, lost))
    rebuild(cell)
    with pytest.raises(OverBudget):
        steps_of(cell, run).paid("1.model", Provider().call())


def test_a_call_under_way_through_a_rebuild_is_settled_after_it(cell: Cell) -> None:
    run = started(cell)

    def make(_: str) -> Reply:
        rebuild(cell)
        assert amounts(cell) == (0, WORST_NANO)
        return Reply({}, DRAWN)

    steps_of(cell, run).paid("0.model", Call("model", "rehearsal-1", {}, WORST, make))
    assert amounts(cell) == (DRAWN_NANO, 0)


@pytest.mark.parametrize("answered", [True, False])
def test_what_ends_while_the_gate_is_rebuilt_is_settled_when_it_is_open(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """The journal was read before the outcome came, and the recorder found the gate closed."""
    run = started(cell)
    step = journal.Step(f"{run.job}/0/1/1", "0", 1, "model", b"", "rehearsal-1", WORST, WORST_NANO)
    with cell.database.transaction(run.tenant) as connection:
        journal.intend(connection, run.lease, step)
    held = Gate.hold

    def end_meanwhile(gate: Gate, *arguments: object, **told: object) -> None:
        held(gate, *arguments, **told)  # type: ignore[arg-type]  # handed on
        if answered:
            with cell.database.transaction(run.tenant) as connection:
                journal.answer(connection, run.lease, step, DRAWN, None, nano=DRAWN_NANO)
        else:
            journal.void(cell.database, run.lease, step, "the gate is closed")
        with pytest.raises(GateClosed):
            gate.settle([(step.call_id, Draw(DRAWN.total, DRAWN_NANO))])
        Recorder(cell).record()

    monkeypatch.setattr(Gate, "hold", end_meanwhile)
    rebuild(cell)
    assert amounts(cell) == (0, WORST_NANO)
    assert journaled(cell, "acme")[0]["recorded_at"] is None
    Recorder(cell).record()
    assert amounts(cell) == (DRAWN_NANO if answered else 0, 0)


def test_windows_are_filled_with_what_was_intended_in_them(cell: Cell) -> None:
    run = started(cell)
    with cell.control.connection() as connection:
        now: datetime = one(connection, "SELECT now()")["now"].astimezone(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    moments = [
        moment - before
        for moment in (now, hour, hour.replace(hour=0), hour.replace(day=1, hour=0))
        for before in (timedelta(0), timedelta(microseconds=1))
    ]
    for number, moment in enumerate(moments):
        place = f"{number}.model"
        steps_of(cell, run).paid(place, Provider().call())
        with cell.admin.connection() as connection:
            move = "UPDATE tenant.steps SET intended_at = %s WHERE place = %s"
            connection.execute(move, (moment, place))
    rebuild(cell)
    drawn = cell.gate.drawn("acme")
    for window in Windows.at(now):
        times = sum(window.id in {of.id for of in Windows.at(moment)} for moment in moments)
        assert (drawn[window.id]["nanos"], drawn[window.id]["tokens"]) == (times * DRAWN_NANO, times * DRAWN.total)


def test_a_window_that_has_just_ended_is_filled_for_intents_that_come_late(cell: Cell) -> None:
    at = datetime(2028, 3, 1, 0, 1, tzinfo=UTC)
    names = drawing._windows(at, at - drawing.LATE)["window"]
    assert sorted(map(str, names)) == [
        "d2028-02-29",
        "d2028-03-01",
        "h2028-02-29T23",
        "h2028-03-01T00",
        "m2028-02",
        "m2028-03",
    ]

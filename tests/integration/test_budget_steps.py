"""Paid steps under budgets: what is held, what is settled, and what is not called where there is no room."""

from typing import Literal

import pytest

from shared.cell import Cell
from shared.gate.values import Ending
from shared.ledger.runs import Fenced
from shared.metering.prices import Tokens
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
from workers.calls import Call, CallFailed, CallLost, Reply
from workers.interruption import Interrupted, Interruption
from workers.metering.record import Recorder
from workers.run.reservations import BudgetsAway, OverBudget


def test_a_call_holds_its_worst_case_and_settles_what_it_drew(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": 10 * WORST_NANO}))
    held = []

    def make(_: str) -> Reply:
        held.append((level(cell, "acme").drawn, level(cell, "acme").held))
        return Reply({}, DRAWN)

    steps_of(cell, run).paid("0.model", Call("model", "rehearsal-1", {}, WORST, make))
    assert held == [(0, WORST_NANO)]
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (DRAWN_NANO, 0)
    (step,) = journaled(cell, "acme")
    assert (step["worst_nano"], step["drawn_nano"]) == (WORST_NANO, DRAWN_NANO)


def test_tokens_count_in_and_out_alike(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"tokens_hour": 1319}))
    steps_of(cell, run).paid("0.model", Provider().call())
    assert level(cell, "acme").drawn == DRAWN.total == 120
    with pytest.raises(OverBudget) as over:
        steps_of(cell, run).paid("1.model", Provider().call())
    assert (over.value.shortage.left, over.value.shortage.need) == (1199, WORST.total)


@pytest.mark.parametrize("over", ["wait", "deny"])
def test_a_call_without_room_is_not_made_and_its_intent_is_void(cell: Cell, over: Literal["wait", "deny"]) -> None:
    key = limited(cell, "acme", {"usd_day": 2 * WORST_NANO - 1}, over=over)
    run, other = running(cell, "acme", key, "c-1"), running(cell, "acme", key, "c-2")
    provider = Provider()
    seen: list[OverBudget] = []

    def meanwhile(_: str) -> Reply:
        with pytest.raises(OverBudget) as error:
            steps_of(cell, other).paid("0.model", provider.call())
        seen.append(error.value)
        return Reply({}, DRAWN)

    steps_of(cell, run).paid("0.model", Call("model", "rehearsal-1", {}, WORST, meanwhile))
    (error,) = seen
    assert provider.served == []
    assert (error.shortage.budget, error.shortage.never, error.shortage.over) == ("usd_day", False, over)
    assert (error.shortage.left, error.shortage.need) == (WORST_NANO - 1, WORST_NANO)
    assert "over budget usd_day: the next call may draw USD 0.000800000" in str(error)
    assert "of USD 0.001599999 is left; there is room again at " in str(error)
    assert {step["state"] for step in journaled(cell, "acme")} == {"answered", "void"}
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (DRAWN_NANO, 0)


def test_a_need_above_the_whole_limit_never_has_room(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_month": WORST_NANO - 1}))
    with pytest.raises(OverBudget) as over:
        steps_of(cell, run).paid("0.model", Provider().call())
    assert over.value.shortage.never
    assert "raise the limit with `headgate budget set`" in str(over.value)


def test_a_soft_budget_lets_calls_pass(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": 1}, soft="usd_day"))
    provider = Provider()
    steps_of(cell, run).paid("0.model", provider.call())
    assert len(provider.served) == 1
    assert level(cell, "acme").exceeded


def test_nothing_is_called_while_the_gate_is_closed(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))
    cell.redis.flushall()
    provider = Provider()
    with pytest.raises(BudgetsAway, match="closed"):
        steps_of(cell, run).paid("0.model", provider.call())
    assert provider.served == []
    assert [step["state"] for step in journaled(cell, "acme")] == ["void"]


def test_a_cancelled_job_calls_nothing_more(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))
    cell.gate.cancel(run.job)
    provider = Provider()
    with pytest.raises(Interrupted, match="cancelled"):
        steps_of(cell, run).paid("0.model", provider.call())
    assert provider.served == []
    assert [step["state"] for step in journaled(cell, "acme")] == ["void"]
    assert level(cell, "acme").held == 0


def test_a_run_without_its_lease_calls_nothing_more(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))
    cell.gate.release(Ending(run.lease, 0, how="retry"))
    provider = Provider()
    with pytest.raises(Fenced):
        steps_of(cell, run).paid("0.model", provider.call())
    assert provider.served == []
    assert [step["state"] for step in journaled(cell, "acme")] == ["void"]


def test_a_run_that_is_over_when_it_has_got_room_calls_nothing_and_gives_it_back(cell: Cell) -> None:
    """The gate's answer came late: the lease may be another's by now."""
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))

    def guard() -> None:
        if level(cell, "acme").held:
            raise Interrupted(Interruption.LOST)

    provider = Provider()
    with pytest.raises(Interrupted):
        steps_of(cell, run, guard).paid("0.model", provider.call())
    Recorder(cell).record()
    assert provider.served == []
    assert [step["state"] for step in journaled(cell, "acme")] == ["void"]
    assert level(cell, "acme").held == 0


def failing(error: Exception) -> Call:
    def make(_: str) -> Reply:
        raise error

    return Call("model", "rehearsal-1", {}, WORST, make)


def test_a_call_that_was_refused_gives_its_room_back(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))
    with pytest.raises(CallFailed):
        steps_of(cell, run).paid("0.model", failing(CallFailed("429", retry=True)))
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (0, 0)


def test_a_lost_call_holds_its_worst_case(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))
    with pytest.raises(CallLost):
        steps_of(cell, run).paid("0.model", failing(CallLost("cut")))
    Recorder(cell).record()
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (0, WORST_NANO)


def test_an_answer_that_cannot_be_stored_is_drawn_all_the_same(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": WORST_NANO}))
    unstorable = Call("model", "rehearsal-1", {}, WORST, lambda _: Reply({"said": "\x00"}, Tokens(100, 20)))
    with pytest.raises(Exception, match="0000"):
        steps_of(cell, run).paid("0.model", unstorable)
    Recorder(cell).record()
    (step,) = journaled(cell, "acme")
    assert (step["state"], step["outcome"]) == ("answered", None)
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (DRAWN_NANO, 0)

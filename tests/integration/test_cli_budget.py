"""Budgets from the command line: set live, shown exactly, refused in one line."""

from typing import Any

import pytest

from shared.cell import Cell
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.spending import DRAWN_NANO, WORST, WORST_NANO, Provider, level, running, steps_of
from workers.calls import Call, CallLost, Reply
from workers.run.reservations import OverBudget


def set_(cell: Cell, *arguments: str) -> None:
    done(cell.settings, "budget", "set", *arguments)


def shown(cell: Cell, tenant: str = "acme") -> dict[str, Any]:
    document: dict[str, Any] = done(cell.settings, "budget", "show", tenant, "--json").document
    return document


def of(cell: Cell, budget: str, tenant: str = "acme") -> dict[str, Any]:
    (found,) = (level for level in shown(cell, tenant)["budgets"] if level["budget"] == budget)
    return dict(found)


def test_a_budget_is_shown_with_what_was_drawn_and_may_have_been(cell: Cell) -> None:
    run = running(cell, "acme", make_tenant(cell, "acme").secret)
    steps_of(cell, run).paid("0.model", Provider().call())

    def lose(_: str) -> Reply:
        raise CallLost("cut")

    with pytest.raises(CallLost):
        steps_of(cell, run).paid("1.model", Call("model", "rehearsal-1", {}, WORST, lose))
    set_(cell, "acme", "--usd-day", "0.002", "--tokens-hour", "5000", "--soft", "tokens-hour", "--over", "deny")
    assert shown(cell)["over"] == "deny"
    day = of(cell, "usd_day")
    assert (day["hard"], day["limit"], day["limit_usd"]) == (True, 2_000_000, "0.002000000")
    assert (day["drawn"], day["held"]) == (DRAWN_NANO, WORST_NANO)
    assert (day["left"], day["left_usd"]) == (2_000_000 - DRAWN_NANO - WORST_NANO, "0.001120000")
    hour = of(cell, "tokens_hour")
    assert (hour["hard"], hour["drawn"], hour["held"], hour["exceeded"]) == (False, 120, WORST.total, False)
    out = done(cell.settings, "budget", "show", "acme").out
    assert "USD 0.000800000" in out
    assert "1,200 tokens" in out
    assert "are denied" in out


def test_a_budget_binds_at_once_and_a_raised_one_gives_room_at_once(cell: Cell) -> None:
    run = running(cell, "acme", make_tenant(cell, "acme").secret)
    set_(cell, "acme", "--usd-month", "0.0001")
    with pytest.raises(OverBudget):
        steps_of(cell, run).paid("0.model", Provider().call())
    set_(cell, "acme", "--usd-month", "5")
    steps_of(cell, run).paid("1.model", Provider().call())
    assert level(cell, "acme").drawn == DRAWN_NANO


def test_a_tier_gives_its_tenants_what_they_have_not_themselves(cell: Cell) -> None:
    for tenant in ("acme", "globex"):
        make_tenant(cell, tenant)
    set_(cell, "acme", "--tokens-month", "7")
    set_(cell, "--tier", "pro", "--tokens-month", "100", "--usd-day", "1.5")
    assert (of(cell, "tokens_month")["limit"], of(cell, "tokens_month", "globex")["limit"]) == (7, 100)
    assert of(cell, "usd_day")["limit_usd"] == "1.500000000"
    set_(cell, "acme", "--soft", "usd-day")
    assert (of(cell, "usd_day")["hard"], of(cell, "usd_day", "globex")["hard"]) == (False, True)
    set_(cell, "acme", "--clear", "tokens-month", "--clear", "usd-day")
    assert (of(cell, "tokens_month")["limit"], of(cell, "usd_day")["hard"]) == (100, True)
    set_(cell, "--tier", "pro", "--clear", "tokens-month", "--clear", "usd-day")
    assert shown(cell)["budgets"] == []
    assert "has no budgets" in done(cell.settings, "budget", "show", "acme").out


def test_a_tiers_budget_binds_at_once(cell: Cell) -> None:
    run = running(cell, "acme", make_tenant(cell, "acme").secret)
    set_(cell, "--tier", "pro", "--usd-day", "0.0001")
    with pytest.raises(OverBudget):
        steps_of(cell, run).paid("0.model", Provider().call())


#: What is asked, what is said of it, and the exit code.
REFUSED: list[tuple[tuple[str, ...], str, int]] = [
    (("acme",), "name what to set", 2),
    (("--usd-day", "1"), "name a tenant, or a --tier", 2),
    (("acme", "--tier", "pro", "--usd-day", "1"), "name a tenant, or a --tier", 2),
    (("acme", "--usd-day", "1.2.3"), "'1.2.3' is no amount of dollars: write 12.50", 2),
    (("acme", "--usd-day", "-1"), "'-1' is no amount of dollars", 2),
    (("acme", "--usd-day", "nan"), "'nan' is no amount of dollars", 2),
    (("acme", "--usd-day", "0.0000000001"), "is no amount of dollars", 2),
    (("acme", "--soft", "dollars"), "tokens-hour", 2),
    (("acme", "--usd-day", "99999999"), "the budget usd_day cannot be that: input should be less than", 1),
    (("acme", "--soft", "usd-day"), "there is no usd_day to make soft", 1),
    (("acme", "--clear", "usd-day"), "there is no usd_day to clear", 1),
    (("nobody", "--usd-day", "1"), "there is no tenant 'nobody'", 1),
    (("--tier", "gold", "--usd-day", "1"), "there is no tier 'gold'", 1),
    (("platform", "--usd-day", "1"), "its work has no budgets", 1),
]


def test_what_cannot_be_set_is_said_in_one_line(cell: Cell) -> None:
    make_tenant(cell, "acme")
    for arguments, said, code in REFUSED:
        assert said in refused(cell.settings, "budget", "set", *arguments, code=code)


def test_what_is_left_is_not_guessed_while_the_gate_is_closed(cell: Cell) -> None:
    make_tenant(cell, "acme")
    cell.redis.flushall()
    assert "the gate is closed" in refused(cell.settings, "budget", "show", "acme")
    set_(cell, "acme", "--usd-day", "1")
    cell.rebuilder.rebuild()
    assert of(cell, "usd_day")["limit_usd"] == "1.000000000"

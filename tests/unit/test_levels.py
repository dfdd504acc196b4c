"""How full budgets are, and what changes them."""

from datetime import UTC, datetime

import pytest

from shared.errors import HeadgateError
from shared.gate.limits import Budget, Budgets
from shared.metering.levels import BUDGETS, levels, worded
from shared.tenancy.budgets import Change

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)

GIVEN = {"usd_day": {"limit": 5, "hard": True}, "over": "deny"}


def test_a_level_is_read_from_the_window_that_is_going_on() -> None:
    budgets = Budgets(tokens_hour=Budget(limit=100), usd_month=Budget(limit=50, hard=False))
    drawn = {
        "h2026-11-22T17": {"tokens": 99, "held_tokens": 0, "nanos": 9, "held_nanos": 0},
        "h2026-11-22T18": {"tokens": 60, "held_tokens": 30, "nanos": 6, "held_nanos": 3},
        "m2026-11": {"tokens": 600, "held_tokens": 300, "nanos": 51, "held_nanos": 3},
    }
    hour, month = levels(budgets, drawn, NOW)
    assert (hour.budget, hour.drawn, hour.held, hour.left, hour.exceeded) == ("tokens_hour", 60, 30, 10, False)
    assert (hour.window, hour.ends) == ("h2026-11-22T18", datetime(2026, 11, 22, 19, tzinfo=UTC))
    assert (month.budget, month.hard, month.left, month.exceeded) == ("usd_month", False, -4, True)
    assert month.ends == datetime(2026, 12, 1, tzinfo=UTC)


def test_a_window_in_which_nothing_was_drawn_is_whole() -> None:
    (day,) = levels(Budgets(usd_day=Budget(limit=7)), {}, NOW)
    assert (day.drawn, day.held, day.left) == (0, 0, 7)


def test_amounts_are_worded_in_their_unit() -> None:
    assert worded(BUDGETS["usd_day"], 1_234_567_890) == "USD 1.234567890"
    assert worded(BUDGETS["tokens_hour"], 1_234_567) == "1,234,567 tokens"


@pytest.mark.parametrize(
    ("change", "made"),
    [
        (Change(limits={"tokens_hour": 9}), {"tokens_hour": {"limit": 9, "hard": True}}),
        (Change(limits={"usd_day": 9}, soft=frozenset({"usd_day"})), {"usd_day": {"limit": 9, "hard": False}}),
        (Change(soft=frozenset({"usd_day"})), {"usd_day": {"limit": 5, "hard": False}}),
        (Change(over="wait"), {"over": "wait"}),
    ],
)
def test_a_change_of_ones_own_is_laid_over_what_the_tier_gives(change: Change, made: dict[str, object]) -> None:
    assert change.applied({}, GIVEN) == made


def test_what_is_cleared_is_the_tiers_again() -> None:
    own = {"usd_day": {"limit": 9, "hard": True}, "tokens_hour": {"limit": 1, "hard": True}}
    assert Change(clear=frozenset({"usd_day"})).applied(own, GIVEN) == {"tokens_hour": {"limit": 1, "hard": True}}


@pytest.mark.parametrize("change", [Change(clear=frozenset({"usd_day"})), Change(soft=frozenset({"usd_month"}))])
def test_what_is_not_set_can_be_neither_cleared_nor_made_soft(change: Change) -> None:
    with pytest.raises(HeadgateError, match="there is no usd_"):
        change.applied({}, GIVEN)

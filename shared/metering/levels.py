"""How full a tenant's budgets are: what was drawn and what is held, against each limit, in its present window."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal

from shared.gate.limits import Budgets
from shared.gate.windows import Window, Windows
from shared.metering.usage import usd


@dataclass(frozen=True)
class BudgetKind:
    """A budget there can be: what it counts, over which window."""

    unit: Literal["tokens", "nanos"]
    window: Callable[[Windows], Window]


#: By the names that `shared.gate.limits.Budgets` gives them.
BUDGETS: Mapping[str, BudgetKind] = {
    "tokens_hour": BudgetKind("tokens", attrgetter("hour")),
    "tokens_month": BudgetKind("tokens", attrgetter("month")),
    "usd_day": BudgetKind("nanos", attrgetter("day")),
    "usd_month": BudgetKind("nanos", attrgetter("month")),
}


@dataclass(frozen=True)
class Level:
    """One budget in its present window. `held`: possibly drawn, by calls whose draw is not known yet."""

    budget: str
    unit: Literal["tokens", "nanos"]
    limit: int
    hard: bool
    drawn: int
    held: int
    window: str
    ends: datetime

    @property
    def left(self) -> int:
        """What may still be held; below zero where a soft budget is exceeded, or a limit was lowered."""
        return self.limit - self.drawn - self.held

    @property
    def exceeded(self) -> bool:
        return self.drawn > self.limit


def levels(budgets: Budgets, drawn: Mapping[str, Mapping[str, int]], now: datetime) -> list[Level]:
    """Of each budget that is set; `drawn` as the gate tells it, by window; `now` by Postgres's clock."""
    windows, found = Windows.at(now), []
    for name, kind in BUDGETS.items():
        if (budget := getattr(budgets, name)) is None:
            continue
        window = kind.window(windows)
        there = drawn.get(window.id, {})
        used, held = there.get(kind.unit, 0), there.get(f"held_{kind.unit}", 0)
        ends = now + timedelta(seconds=window.left)
        found.append(Level(name, kind.unit, budget.limit, budget.hard, used, held, window.id, ends))
    return found


def worded(kind: BudgetKind, amount: int) -> str:
    """An amount in the unit of its budget."""
    return f"USD {usd(amount)}" if kind.unit == "nanos" else f"{amount:,} tokens"

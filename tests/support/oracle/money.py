"""What the model knows of budgets: who drew what in which window, and which calls hold how much."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil

from shared.gate.limits import Budget, Budgets
from shared.gate.values import Draw, Need, Shortage

#: Name of a budget, its unit, and which of the windows (hour, day, month) it counts in; in the order they are asked.
KINDS = (
    ("tokens_hour", "tokens", 0),
    ("tokens_month", "tokens", 2),
    ("usd_day", "nanos", 1),
    ("usd_month", "nanos", 2),
)


@dataclass(frozen=True)
class Wanted:
    """A need, with the milliseconds at which its windows end by the gate's clock."""

    draw: Draw
    windows: tuple[str, ...]
    ends: tuple[float, ...]

    @classmethod
    def of(cls, need: Need, now: float) -> "Wanted":
        windows = list(need.windows)
        ends = tuple(now + ceil(window.left * 1000) for window in windows)
        return cls(need.draw, tuple(window.id for window in windows), ends)


@dataclass(frozen=True)
class Reservation:
    tenant: str
    need: Need

    @property
    def windows(self) -> list[str]:
        return [window.id for window in self.need.windows]


@dataclass
class Money:
    """`drawn`: by tenant and window, in tokens and nanos; `reserved`: by call."""

    drawn: dict[str, dict[str, Counter[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Counter)))
    reserved: dict[str, Reservation] = field(default_factory=dict)

    def taken(self, tenant: str, window: str, unit: str) -> int:
        """Drawn and possibly drawn."""
        return self.drawn[tenant][window][unit] + self.held(tenant, window, unit)

    def held(self, tenant: str, window: str, unit: str) -> int:
        mine = (held for held in self.reserved.values() if held.tenant == tenant and window in held.windows)
        return sum(int(getattr(held.need.draw, unit)) for held in mine)

    def shortage(self, tenant: str, budgets: Budgets, wanted: Wanted, now: float) -> Shortage | None:
        """The first hard budget without room. A window that is over has room."""
        for name, unit, window in KINDS:
            budget: Budget | None = getattr(budgets, name)
            need, ends = getattr(wanted.draw, unit), wanted.ends[window]
            if budget is None or not budget.hard or need == 0 or ends <= now:
                continue
            left = budget.limit - self.taken(tenant, wanted.windows[window], unit)
            if need > left:
                seconds = (ends - now) / 1000
                never = need > budget.limit
                return Shortage(name, budget.limit, left, need, seconds, never, budgets.over)
        return None

    def reserve(self, call: str, tenant: str, need: Need) -> None:
        self.reserved[call] = Reservation(tenant, need)

    def settle(self, call: str, draw: Draw) -> str | None:
        """Answers whose call it was, if it was reserved."""
        held = self.reserved.pop(call, None)
        if held is None:
            return None
        for window in held.windows:
            self.drawn[held.tenant][window].update(tokens=draw.tokens, nanos=draw.nanos)
        return held.tenant

    def windows_held(self, tenant: str) -> set[str]:
        """Windows in which something is held."""
        mine = (held for held in self.reserved.values() if held.tenant == tenant)
        return {window for held in mine for window in held.windows if held.need.draw != Draw(0, 0)}

"""What the model knows of a tenant: its configuration, its rate, and where it stands in each of its lanes."""

from dataclasses import dataclass, field
from math import floor, inf

from shared.contracts.kinds import Family
from shared.gate.limits import Configuration

#: Milliseconds.
MINUTE = 60_000


@dataclass(frozen=True)
class Standing:
    """Idle, ready, full or blocked; and of what is blocked, why, and when time alone may end that."""

    stands: str = "idle"
    why: str = ""
    until: float | None = None


@dataclass
class Part:
    """A tenant in one lane. `time`: virtual; `usual`: the running average of what its jobs cost."""

    time: float = 0.0
    usual: float | None = None
    standing: Standing = Standing()
    startable: int = 0


@dataclass
class Tenant:
    """`tat`: when the next job would be due if all came evenly (the generic cell rate algorithm)."""

    name: str
    told: Configuration
    tat: float = 0.0
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def wakes(self) -> float | None:
        """When it must be placed anew."""
        ends = [part.standing.until for part in self.parts.values() if part.standing.until is not None]
        return min(ends, default=None)

    def part(self, lane: str) -> Part:
        return self.parts.setdefault(lane, Part())

    def configure(self, told: Configuration, now: float) -> None:
        """The newest version holds. What a slower rate made wait is not waited for under a faster one."""
        if told.version <= self.told.version:
            return
        self.told = told
        if self.interval:
            self.tat = min(self.tat, now + told.limits.burst * self.interval)

    @property
    def interval(self) -> float:
        """Milliseconds between two starts at its rate; 0 where it has none."""
        return MINUTE / self.told.limits.rate if self.told.limits.rate else 0.0

    def allowance(self, family: Family, now: float) -> tuple[float, float]:
        """How many jobs may start now, and when one more may. Operations of the platform are exempt."""
        if not self.interval or family == Family.OPS:
            return inf, inf
        tat, bucket = max(self.tat, now), self.told.limits.burst * self.interval
        return floor((now + bucket - tat) / self.interval + 1e-9), tat + self.interval - bucket

    def count_start(self, family: Family, now: float) -> None:
        if self.interval and family != Family.OPS:
            self.tat = max(self.tat, now) + self.interval

"""What the model knows of lanes: whose turn it is among them, and which permits they are owed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

#: Numbers that differ by less are the same: the gate and the model add them up in other orders.
ALIKE = 1e-6

#: Permits of one lane that are out at most (`scripts/records.lua`).
CAP = 64

#: Milliseconds between two sweeps, nearly (`scripts/sweep.lua`).
SWEEP = 900


@dataclass
class Lane:
    """`reached`: its pass; `returned`: it had nothing to start; `usual`: seconds that its jobs hold a slot."""

    name: str
    weight: float = 1.0
    paused: bool = False
    reached: float = 0.0
    returned: bool = True
    clock: float = 0.0
    usual: float | None = None
    live: int = 0
    starved: float | None = None
    repairs: int = 0

    def owe(self, startable: int) -> int:
        """Permits that are missing."""
        missing = 0 if self.paused else max(0, min(startable, CAP) - self.live)
        self.live += missing
        return missing

    def repair(self, startable: int, free: int, now: float) -> int:
        """Permits that are sent anew because the ones believed out seem to be lost; ever more rarely if that fails."""
        missing = 0 if self.paused or not free else min(startable, max(free, CAP))
        if not missing:
            self.starved = None
        elif self.starved is None:
            self.starved = now
        elif now - self.starved >= SWEEP * 2 ** min(self.repairs, 5):
            self.live, self.repairs, self.starved = missing, self.repairs + 1, None
            return missing
        return 0

    def permit_arrived(self) -> None:
        self.live, self.repairs = max(0, self.live - 1), 0


@dataclass
class Lanes:
    """`strides`: the pass of the lane picked last, among lanes that are served together."""

    by_name: dict[str, Lane] = field(default_factory=dict)
    strides: dict[tuple[str, ...], float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Lane:
        return self.by_name.setdefault(name, Lane(name))

    def turn_among(self, served: Sequence[str], startable: Callable[[str], int]) -> list[Lane]:
        """The lane whose turn it is, by weighted stride; several where they are alike, none where nothing may start.

        A lane that had nothing to start begins where the lanes beside it are: it banks nothing for that time.
        """
        lanes = [self[name] for name in served if startable(name) and not self[name].paused]
        if not lanes or len(served) == 1:
            return lanes
        reached = self.strides.get(tuple(served), 0.0)
        for lane in lanes:
            if lane.returned:
                lane.reached, lane.returned = max(lane.reached, reached), False
        least = min(lane.reached for lane in lanes)
        self.strides[tuple(served)] = max(reached, least)
        return [lane for lane in lanes if lane.reached <= least + ALIKE]

"""What goes into the gate and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any, Literal
from uuid import UUID

import orjson

from shared.gate.limits import Configuration
from shared.gate.windows import Windows

#: Permits owed, by lane.
Permits = Mapping[str, int]
#: How a job leaves its worker: at its end, to run again when due, handed back unharmed (what was charged is given
#: back), or gone: there was nothing to run.
How = Literal["done", "retry", "back", "gone"]


@dataclass(frozen=True)
class Offer:
    """A committed job, as the gate needs to know it. `cost` is expected, in the family's unit."""

    job: UUID
    lane: str
    lane_weight: float
    score: int
    cost: float
    configuration: Configuration
    due: datetime | None = None
    ordering_key: str | None = None

    def arguments(self) -> list[Any]:
        told = self.configuration
        due = milliseconds(self.due) if self.due else 0
        place = [str(self.job), told.tenant, self.lane, self.lane_weight, self.score, due, self.cost]
        return [*place, told.version, told.told, self.ordering_key or ""]


@dataclass(frozen=True)
class Lease:
    """The right to run a job until it expires; `token` is the fence that the ledger checks."""

    job: UUID
    tenant: str
    lane: str
    token: int

    @property
    def epoch(self) -> int:
        return self.token >> 32


@dataclass(frozen=True)
class Draw:
    """What a call draws on budgets: tokens (in and out alike) and nano-dollars."""

    tokens: int
    nanos: int


@dataclass(frozen=True)
class Need:
    """What a job must find room for before it is worth claiming again: the worst case of its next call."""

    draw: Draw
    windows: Windows

    def told(self) -> bytes:
        """As the operations read it; in milliseconds, rounded up: a window counts until it ends."""
        windows = [{"id": window.id, "left": ceil(window.left * 1000)} for window in self.windows]
        return orjson.dumps({"tokens": self.draw.tokens, "nanos": self.draw.nanos, "windows": windows})


@dataclass(frozen=True)
class Ending:
    """How a lease is given back: `cost` drawn, in the family's unit; `after`, in seconds, for a retry.

    `draws`: calls that are not settled yet, with what they drew.
    """

    lease: Lease
    cost: float
    how: How = "done"
    after: float = 0.0
    need: Need | None = None
    draws: Sequence[tuple[str, Draw]] = ()

    def arguments(self) -> list[Any]:
        need = self.need.told() if self.need else b""
        return [str(self.lease.job), self.lease.token, self.cost, self.how, round(self.after * 1000), need]


@dataclass(frozen=True)
class Hold:
    """An intent's worst case, to be held in its windows until it is settled."""

    call: str
    lease: Lease
    need: Need


@dataclass(frozen=True)
class Shortage:
    """The hard budget that has no room: `need` and `left` in its unit, `seconds` until its window ends.

    `never`: the need is above the whole limit. `over`: what the tenant's policy says becomes of the job.
    """

    budget: str
    limit: int
    left: int
    need: int
    seconds: float
    never: bool
    over: Literal["wait", "deny"]


@dataclass(frozen=True)
class Reserved:
    """Whether a call may be made: it may where the lease is `held` and there is no shortage.

    `version`: of the newest that the gate was told of the tenant; 0 where it was told nothing.
    """

    held: bool
    cancelled: bool
    shortage: Shortage | None
    permits: Permits = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True)
class Beat:
    """What a heartbeat learns: jobs whose leases are lost, and jobs that are to end because somebody cancelled them."""

    lost: frozenset[UUID]
    cancelled: frozenset[UUID]


@dataclass(frozen=True)
class Answered:
    """What an operation says: the lease it gave, if it gave one, and the permits that are now owed."""

    permits: Permits
    lease: Lease | None = None
    held: bool = True
    fields: Mapping[str, Any] = field(default_factory=dict)


def milliseconds(moment: datetime) -> int:
    """Since 1970, as the scripts count."""
    return int(moment.timestamp() * 1000)

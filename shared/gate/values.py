"""What goes into the gate and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.gate.limits import Configuration

#: Permits owed, by lane.
Permits = Mapping[str, int]
#: How a job leaves its worker: at its end, to run again when due, or handed back unharmed.
How = Literal["done", "retry", "back"]


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

    def arguments(self) -> list[Any]:
        told = self.configuration
        due = milliseconds(self.due) if self.due else 0
        place = [str(self.job), told.tenant, self.lane, self.lane_weight, self.score, due, self.cost]
        return [*place, told.version, told.told()]


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
class Ending:
    """How a lease is given back: `cost` drawn, in the family's unit; `due` for a retry."""

    lease: Lease
    cost: float
    how: How = "done"
    due: datetime | None = None

    def arguments(self) -> list[Any]:
        due = milliseconds(self.due) if self.due else 0
        return [str(self.lease.job), self.lease.token, self.cost, self.how, due]


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

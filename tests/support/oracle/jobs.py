"""What the model knows of jobs: one object each, and every count taken from the objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.contracts.kinds import Family
from shared.gate.keys import PRIORITY_STEP
from shared.gate.values import Lease, Offer
from tests.support.oracle.money import Wanted


class Where(StrEnum):
    """In the backlog, held until it is due, held behind its ordering key, or leased."""

    WAITING = "waiting"
    DELAYED = "delayed"
    HELD = "held"
    LEASED = "running"


@dataclass
class Hand:
    """A lease as the gate keeps it; times in milliseconds. The shares are what was charged, over weight."""

    lease: Lease
    worker: str
    since: float
    ends: float
    cost: float
    share: float
    lane_share: float


@dataclass
class Job:
    """`due` in milliseconds since 1970, 0 for none; `again`: it was offered anew while it was leased."""

    offer: Offer
    offered: float
    due: float = 0
    where: Where = Where.HELD
    wanted: Wanted | None = None
    hand: Hand | None = None
    cancelled: bool = False
    again: bool = False

    @property
    def id(self) -> UUID:
        return self.offer.job

    @property
    def tenant(self) -> str:
        return self.offer.configuration.tenant

    @property
    def lane(self) -> str:
        return self.offer.lane

    @property
    def key(self) -> str | None:
        return self.offer.ordering_key

    @property
    def accepted(self) -> int:
        return self.offer.score % PRIORITY_STEP


class Jobs:
    """All unfinished jobs that the gate was told of."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(self.by_id.values())

    def backlog(self, tenant: str, lane: str) -> list[Job]:
        """Those that may start when their turn comes, the next one first."""
        waiting = (job for job in self if job.where == Where.WAITING and (job.tenant, job.lane) == (tenant, lane))
        return sorted(waiting, key=lambda job: job.offer.score)

    def count(self, where: Where, *, tenant: str | None = None, lane: str | None = None) -> int:
        """How many stand there, of this tenant and in this lane, where these are given."""
        return sum(job.where == where and tenant in (None, job.tenant) and lane in (None, job.lane) for job in self)

    def running(self, tenant: str, family: Family | None = None) -> int:
        leased = (job for job in self if job.where == Where.LEASED and job.tenant == tenant)
        return sum(family in (None, family_of(job.lane)) for job in leased)

    def hands(self, worker: str | None = None) -> list[tuple[Job, Hand]]:
        """What is leased, to this worker or at all."""
        return [(job, job.hand) for job in self if job.hand is not None and worker in (None, job.hand.worker)]

    def line(self, tenant: str, key: str) -> list[Job]:
        """The jobs of one ordering key, in order of acceptance."""
        return sorted((job for job in self if (job.tenant, job.key) == (tenant, key)), key=lambda job: job.accepted)


def family_of(lane: str) -> Family:
    return Family(lane.replace("@", ".").partition(".")[0])

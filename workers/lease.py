"""One heartbeat thread per process: keeps the leases of its jobs, and knows which are lost and which to be cancelled.

Validity is counted on this process's own monotonic clock, from before the request that granted it, so a worker always
stops before the gate gives its job to another.
"""

import threading
from collections.abc import Sequence
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from shared.clock import monotonic
from shared.contracts.kinds import KINDS, Family
from shared.errors import HeadgateError
from shared.gate.gate import Gate
from shared.gate.values import Lease
from shared.lanes import Lane

#: A lease is renewed three times in its length, so two lost renewals cost nothing.
RENEWALS = 3

#: Seconds beyond its family's deadline for which a run keeps its lease: one that ends by itself gets to say so, one
#: that hangs in a call is run again elsewhere.
GRACE = 10.0

#: Share of a lease's length that calls leave free at its end: they have really ended before the gate gives the job to
#: another, also on a machine that is slow just then.
SPARE = 0.1

log = structlog.get_logger(__name__)


class Heartbeat:
    """`slots`: how many jobs this worker runs at once; None in a child process, whose parent tells."""

    def __init__(
        self, gate: Gate, worker: str, lanes: Sequence[str], *, lease_seconds: float, slots: int | None
    ) -> None:
        self._gate, self._worker, self._lanes = gate, worker, lanes
        self._lease_seconds, self._slots = lease_seconds, slots
        self._held: dict[UUID, Lease] = {}
        self._valid_until: dict[UUID, float] = {}
        self._renewed_until: dict[UUID, float] = {}
        self._cancelled: set[UUID] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._beat, name="headgate-heartbeat", daemon=True)

    def start(self) -> None:
        """It ends with the process."""
        self._thread.start()

    def hold(self, lease: Lease, since: float) -> None:
        """Keep a lease that was asked for at `since` (monotonic seconds)."""
        with self._lock:
            self._held[lease.job] = lease
            self._valid_until[lease.job] = since + self._lease_seconds
            self._renewed_until[lease.job] = since + deadline_of(Lane.named(lease.lane).family) + GRACE

    def drop(self, lease: Lease) -> None:
        """Let go of a lease. Where the job is leased anew by now, to another slot of this process, that one is kept."""
        with self._lock:
            if self._held.get(lease.job) != lease:
                return
            for kept in (self._held, self._valid_until, self._renewed_until):
                kept.pop(lease.job, None)
            self._cancelled.discard(lease.job)

    def alive(self, lease: Lease) -> bool:
        """Whether this process may still act for the job."""
        with self._lock:
            return self._held.get(lease.job) == lease and monotonic() < self._valid_until[lease.job]

    def calls_until(self, lease: Lease) -> float:
        """Until when (monotonic seconds) a call for the job may go on, unless the lease is renewed meanwhile."""
        with self._lock:
            if self._held.get(lease.job) != lease:
                return 0.0
            return self._valid_until[lease.job] - SPARE * self._lease_seconds

    def cancelled(self, lease: Lease) -> bool:
        """Whether somebody asked that this job end."""
        with self._lock:
            return lease.job in self._cancelled

    def held(self) -> list[Lease]:
        with self._lock:
            return list(self._held.values())

    def renew(self) -> None:
        """One beat: extend what is held and not overdue, hear what is lost or to be cancelled."""
        since = monotonic()
        with self._lock:
            leases = [lease for job, lease in self._held.items() if since < self._renewed_until[job]]
        beat = self._gate.renew(self._worker, leases, self._lease_seconds, slots=self._slots, lanes=self._lanes)
        with self._lock:
            kept = [lease for lease in leases if self._held.get(lease.job) == lease]  # some jobs ended meanwhile
            lost = [lease.job for lease in kept if lease.job in beat.lost]
            for lease in kept:
                self._valid_until[lease.job] = 0.0 if lease.job in beat.lost else since + self._lease_seconds
            self._cancelled |= beat.cancelled & self._held.keys()
        if lost:
            log.warning("leases lost", jobs=[str(job) for job in lost])

    def _beat(self) -> None:
        while True:
            try:
                if self._slots is not None or self.held():
                    self.renew()
            except (HeadgateError, RedisError) as error:  # whatever it is, the next beat may do better
                # A closed gate takes running jobs back in when it is rebuilt; validity runs on meanwhile.
                log.warning("leases not renewed", error=str(error))
            threading.Event().wait(min(1.0, self._lease_seconds / RENEWALS))


def deadline_of(family: Family) -> float:
    """The longest a run of this family may take, in seconds."""
    return max(kind.deadline for kind in KINDS.values() if kind.family is family)

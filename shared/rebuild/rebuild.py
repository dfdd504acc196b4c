"""Refilling the gate from the ledger under a new epoch.

The rebuilder raises the epoch while no run starts, and commits, so that none starts after under a token from before;
refills the budgets (`refilling.py`); reads every unfinished job in order of acceptance; offers those that wait and
leases those that run, under the tokens they run with, for one whole lease; holds back the lanes that are paused; tells
tenants that were changed of late, also where nothing of theirs waits; and only then puts the epoch in force. If it
dies on the way the gate stays closed, and the next rebuilder begins anew with a higher epoch. A job committed after
the reading is offered by its door or by the ledger sweep.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import structlog

from shared import clock
from shared.gate.gate import Gate
from shared.gate.values import Offer, Permits
from shared.intake import Committed, Intake, committed
from shared.ledger import housekeeping
from shared.ledger.housekeeping import Standing
from shared.ledger.states import State
from shared.rebuild.refilling import refill
from shared.stores.postgres import Database
from shared.telemetry import metrics
from shared.tenancy import pauses
from shared.tenancy.tenants import Tenant, Tenants

#: Jobs per round trip: large enough that the trip does not count, small enough that Redis answers others in between.
BATCH = 500

#: Seconds for which a tenant's change is told: far longer than any door goes by what it read before
#: (`access_cache_seconds`, 10).
CHANGED = 600.0

Thing = TypeVar("Thing")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found; `opened` is False where Redis changed on the way or another was quicker."""

    epoch: int
    waiting: int
    running: int
    seconds: float
    opened: bool
    permits: Permits


class Rebuilder:
    def __init__(
        self,
        gate: Gate,
        dispatcher: Database,
        metering: Database,
        tenants: Tenants,
        intake: Intake,
        *,
        lease_seconds: float,
    ) -> None:
        self._gate, self._dispatcher, self._metering = gate, dispatcher, metering
        self._tenants, self._intake = tenants, intake
        self._lease_seconds = lease_seconds

    def rebuild(self) -> Rebuilt | None:
        """Rebuild a gate that is closed, or open on another epoch than the ledger's; None where another is at it."""
        with housekeeping.sole_rebuilder(self._dispatcher) as sole:
            return self._rebuild() if sole and (not self._gate.is_open() or self.is_strange()) else None

    def is_strange(self) -> bool:
        """Whether the ledger knows another epoch than the gate was opened on, as after a restored backup.

        Every start is fenced then, while the gate itself sees nothing wrong.
        """
        return self._gate.epoch() != housekeeping.epoch(self._dispatcher)

    def _rebuild(self) -> Rebuilt:
        begun, memory = clock.monotonic(), self._gate.memory()
        with housekeeping.new_epoch(self._dispatcher, above=self._gate.epoch()) as (epoch, unfinished):
            holding = refill(self._gate, self._metering, epoch=epoch)
            log.info("rebuilding the gate", epoch=epoch, calls_held=holding)
            tenants = {tenant.tenant_id: tenant for tenant in self._tenants.all()}
            waiting = running = 0
            owed: Counter[str] = Counter()
            for batch in _batches(unfinished):
                waits, runs, permits = self._refill(batch, tenants, epoch)
                waiting, running = waiting + waits, running + runs
                owed.update(permits)
                log.info("rebuilding the gate", epoch=epoch, waiting=waiting, running=running)
        owed.update(self._tell(epoch))
        opened = self._gate.open(epoch, memory)
        if opened:
            metrics.REBUILDS.inc()
            self._gate.forget(epoch)
        rebuilt = Rebuilt(epoch, waiting, running, clock.monotonic() - begun, opened, owed if opened else {})
        log.info("gate rebuilt", epoch=epoch, waiting=waiting, running=running, opened=opened)
        return rebuilt

    def _tell(self, epoch: int) -> Permits:
        """Lanes that are paused, and tenants that were changed of late: doors may bring what held for them before."""
        for lane in pauses.paused(self._dispatcher):
            self._gate.pause(lane, paused=True, epoch=epoch)
        owed: Counter[str] = Counter()
        for batch in _batches(self._tenants.changed(within=CHANGED)):
            owed.update(self._gate.configure(*(tenant.configuration for tenant in batch), epoch=epoch))
        return owed

    def _refill(self, batch: list[Standing], tenants: Mapping[str, Tenant], epoch: int) -> tuple[int, int, Permits]:
        waiting = [job for job in batch if job.state == State.WAITING]
        running = [job for job in batch if job.state == State.RUNNING]
        offers = {job.job_id: self._offer(committed(job), tenants) for job in batch}
        permits = self._gate.offer([offers[job.job_id] for job in waiting], epoch=epoch)
        leased = [(offers[job.job_id], job.fence, job.cancelled) for job in running]
        self._gate.adopt(leased, self._lease_seconds, epoch=epoch)
        return len(waiting), len(running), permits

    def _offer(self, job: Committed, tenants: Mapping[str, Tenant]) -> Offer:
        return self._intake.as_offer(job, tenants.get(job.tenant_id))  # made since: read by itself


def _batches(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    source = iter(things)
    while batch := list(islice(source, BATCH)):
        yield batch

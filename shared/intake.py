"""Record, offer, publish: the one way a job comes to be, whoever asks for it.

Doors submit what they have accepted; a running job records its children inside its own transaction and offers them
after the commit; the ledger sweep and a rebuild offer what the ledger holds. The ledger comes first: what is committed
will be offered, if not now then by the sweep, so a gate that is closed, full or away defers an offer and loses nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

import structlog

from shared.contracts.answers import Reason
from shared.contracts.kinds import Family
from shared.errors import Unavailable
from shared.gate import keys
from shared.gate.gate import Gate, GateClosed, GateFull
from shared.gate.values import Offer
from shared.lanes import PermitPublisher
from shared.ledger import housekeeping
from shared.ledger.housekeeping import Standing
from shared.ledger.jobs import Known, NewJob, insert, insert_one
from shared.ledger.states import State
from shared.stores.postgres import Connection, Database, bind
from shared.telemetry import metrics
from shared.tenancy.tenants import Tenant, Tenants

#: What a job is expected to cost before its tenant has a history in the lane, in the family's unit: tokens in plus
#: twice tokens out of a turn with one search; bytes of a middling document; tokens of one batch; one operation.
EXPECTED_COST: Mapping[Family, float] = {
    Family.TURNS: 3000,
    Family.INGEST: 20_000,
    Family.EMBED: 10_000,
    Family.OPS: 1,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Receipt:
    """What became of a job asked for: accepted (fresh or known), or refused for a reason."""

    job_id: UUID
    state: str
    fresh: bool = False
    refused: Reason | None = None


@dataclass(frozen=True)
class Committed:
    """A job that is in the ledger and must now be offered."""

    tenant_id: str
    job_id: UUID
    seq: int
    family: Family
    priority: int
    due_at: datetime | None
    ordering_key: str | None


class Intake:
    def __init__(
        self,
        database: Database,
        dispatcher: Database,
        tenants: Tenants,
        gate: Gate,
        permits: PermitPublisher,
        *,
        closed_gate_backlog: int,
    ) -> None:
        self._database, self._dispatcher = database, dispatcher
        self._tenants, self._gate, self._permits = tenants, gate, permits
        self._closed_gate_backlog = closed_gate_backlog

    def submit(self, jobs: Sequence[NewJob]) -> list[Receipt]:
        """Commit and offer jobs; one receipt for each, in order.

        Raises `Unavailable` where it cannot be known whether the commit landed: then nothing may be answered, and the
        same jobs may be submitted again.
        """
        room = self._room(jobs)
        receipts = self._record(jobs, room)
        self.offer(_as_recorded(job, seq) for job, (receipt, seq) in zip(jobs, receipts, strict=True) if receipt.fresh)
        return [receipt for receipt, _ in receipts]

    def record_child(self, connection: Connection, job: NewJob) -> Committed | None:
        """Record a job inside its parent's transaction; offer what this answers after the commit."""
        known = insert_one(connection, job)
        if known is None or known.job_id != job.job_id:
            return None
        return _as_recorded(job, known.seq)

    def offer(self, committed: Iterable[Committed]) -> bool:
        """Offer jobs to the gate and publish the permits it owes; False where they are left to the ledger sweep."""
        jobs = list(committed)
        if not jobs:
            return True
        try:
            self._permits.publish(self._gate.offer([self.as_offer(job) for job in jobs]))
            housekeeping.mark_offered(self._dispatcher, [(job.tenant_id, job.job_id) for job in jobs])
        except (GateClosed, GateFull, Unavailable) as error:
            metrics.OFFERS_DEFERRED.labels(reason=type(error).__name__).inc(len(jobs))
            log.warning("offers left to the ledger sweep", jobs=len(jobs), error=str(error))
            return False
        return True

    def as_offer(self, job: Committed, tenant: Tenant | None = None) -> Offer:
        """The job as the gate needs to know it."""
        tenant = tenant or self._tenants.get(job.tenant_id)
        return Offer(
            job=job.job_id,
            lane=tenant.lane(job.family),
            lane_weight=tenant.lane_weight(job.family),
            score=keys.score(job.priority, job.seq),
            cost=EXPECTED_COST[job.family],
            configuration=tenant.configuration,
            due=job.due_at,
            ordering_key=job.ordering_key,
        )

    def _room(self, jobs: Sequence[NewJob]) -> dict[tuple[str, Family], int | Reason]:
        """How many more jobs each backlog takes, or why it takes none."""
        backlogs = sorted({(job.tenant_id, job.family) for job in jobs})
        tenants = [self._tenants.get(tenant_id) for tenant_id, _ in backlogs]
        try:
            waiting = self._gate.waiting(backlogs)
        except (GateClosed, Unavailable):
            return dict.fromkeys(backlogs, self._room_while_closed())
        rooms = zip(backlogs, tenants, waiting, strict=True)
        return {backlog: max(0, tenant.limits.backlog_of(backlog[1]) - waits) for backlog, tenant, waits in rooms}

    def _room_while_closed(self) -> int | Reason:
        bound = self._closed_gate_backlog
        return max(0, bound - housekeeping.count_unoffered(self._dispatcher, at_most=bound)) or Reason.GATE_CLOSED

    def _record(
        self, jobs: Sequence[NewJob], room: Mapping[tuple[str, Family], int | Reason]
    ) -> list[tuple[Receipt, int]]:
        """One pipelined transaction for the whole batch, tenant by tenant."""
        known: dict[tuple[str, str, str], Known] = {}
        by_tenant = sorted(jobs, key=lambda job: job.tenant_id)  # stable: a tenant's jobs keep their order
        with self._database.transaction(pipelined=True) as connection:
            asked = []
            for tenant_id, group in groupby(by_tenant, key=lambda job: job.tenant_id):
                mine = list(group)
                bind(connection, tenant_id)
                asked.append((tenant_id, insert(connection, tenant_id, _within(connection, mine, room), mine)))
        for tenant_id, answer in asked:
            known |= {(tenant_id, *name): row for name, row in answer.known().items()}
        return [_receipt(job, known, room[job.tenant_id, job.family]) for job in jobs]


def committed(job: Standing) -> Committed:
    """A job that the ledger says is not over, as it must be offered."""
    return Committed(
        job.tenant_id, job.job_id, job.seq, job.of_family, job.priority, job.due_at, ordering_key=job.ordering_key
    )


def _as_recorded(job: NewJob, seq: int) -> Committed:
    return Committed(
        job.tenant_id, job.job_id, seq, job.family, job.priority, job.run_at, ordering_key=job.ordering_key
    )


def _within(
    connection: Connection, jobs: Sequence[NewJob], room: Mapping[tuple[str, Family], int | Reason]
) -> Sequence[NewJob]:
    """The jobs of a tenant that their backlogs take. Where room is short, those that are known already take none."""
    left = {backlog: 0 if isinstance(spare, Reason) else spare for backlog, spare in room.items()}
    wanted = Counter((job.tenant_id, job.family) for job in jobs)
    if all(number <= left[backlog] for backlog, number in wanted.items()):
        return jobs
    known, taken = insert(connection, jobs[0].tenant_id, [], jobs).known(), []
    for job in jobs:
        backlog = (job.tenant_id, job.family)
        if left[backlog] > 0 and (job.source, job.event_id) not in known:
            left[backlog] -= 1
            taken.append(job)
    return taken


def _receipt(job: NewJob, known: Mapping[tuple[str, str, str], Known], room: int | Reason) -> tuple[Receipt, int]:
    row = known.get((job.tenant_id, job.source, job.event_id))
    if row is None:
        reason = room if isinstance(room, Reason) else Reason.BACKLOG_FULL
        return Receipt(job.job_id, "", refused=reason), 0
    if bytes(row.body_hash) != job.body_hash:
        return Receipt(row.job_id, row.state, refused=Reason.ID_CONFLICT), 0
    return Receipt(row.job_id, row.state or State.WAITING, fresh=row.job_id == job.job_id), row.seq

"""What every door calls: authenticate, validate, submit, answer.

Whatever comes in, each message gets its verdict, and a bad one costs only itself. A refusal says what is wrong and what
to do; who could not be authenticated is never answered, only kept. `Unavailable` means that nothing may be said about
the whole batch yet: the door does not acknowledge, and comes back with the same messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from producers.refusal import Refusal, kept
from producers.request import Request, Requests
from shared import clock, ids
from shared.cell import Cell
from shared.contracts.answers import Accepted, AcceptedData, Reason, Refused, RefusedData
from shared.intake import Receipt
from shared.ledger.jobs import NewJob
from shared.stores.postgres import TOO_MUCH
from shared.telemetry import metrics
from shared.tenancy.access import Principal

#: What a sender is told where the ledger or the gate refuses; the others are told where they are found.
SAID = {
    Reason.ID_CONFLICT: "another job was accepted under this id: send a new id, or the same body",
    Reason.BACKLOG_FULL: "too many of this tenant's jobs wait: send it again later",
    Reason.GATE_CLOSED: "the gate is being rebuilt and no more can be taken meanwhile: send it again later",
    Reason.UNPROCESSABLE: "the database cannot store this message: send it without unusual characters",
}


@dataclass(frozen=True)
class Verdict:
    """What became of a message: the answer, where it may be sent, and what is kept of it if it was refused."""

    answer: Accepted | Refused
    reply_to: str | None
    kept: bytes | None = None


class Acceptance:
    """`door` is the name of the way in, for the ledger and the metrics."""

    def __init__(self, cell: Cell, door: str) -> None:
        self._cell, self._door = cell, door
        self._requests = Requests(cell, door)

    def accept(self, bodies: Sequence[bytes], *, principal: Principal | None = None) -> list[Verdict]:
        """A verdict for each message, in order. `principal`: who is calling, where the door knows it by itself."""
        read = [self._requests.read(body, principal) for body in bodies]
        requests = [found for found in read if isinstance(found, Request)]
        receipts = iter(self._submit([request.job for request in requests]))
        return [
            self._judged(found, next(receipts)) if isinstance(found, Request) else self._refused(found)
            for found in read
        ]

    def unprocessable(self, body: bytes) -> Verdict:
        """The verdict on a message that brought up what nobody thought of: kept, and nobody is told."""
        return self._refused(Refusal(Reason.UNPROCESSABLE, SAID[Reason.UNPROCESSABLE], body))

    def _submit(self, jobs: Sequence[NewJob]) -> list[Receipt]:
        """The batch at once; if the ledger finds fault with its data, one by one, so that only the bad one suffers."""
        try:
            return self._cell.intake.submit(jobs) if jobs else []
        except (psycopg.DataError, psycopg.IntegrityError, *TOO_MUCH):
            if len(jobs) == 1:
                return [Receipt(jobs[0].job_id, "", refused=Reason.UNPROCESSABLE)]
            return [receipt for job in jobs for receipt in self._submit([job])]

    def _judged(self, request: Request, receipt: Receipt) -> Verdict:
        if receipt.refused is not None:
            refusal = Refusal(receipt.refused, SAID[receipt.refused], request.body)
            return self._refused(refusal.known_as(request.job))
        job = request.job
        if receipt.fresh:
            metrics.JOBS_ACCEPTED.labels(door=self._door, kind=job.kind, tier=request.tenant.tier).inc()
        accepted = Accepted(
            id=str(ids.derived("accepted", receipt.job_id)),
            time=clock.now(),
            subject=job.event_id,
            tenantid=job.tenant_id,
            data=AcceptedData(job=receipt.job_id, state=receipt.state),
        )
        return Verdict(accepted, job.reply_to)

    def _refused(self, refusal: Refusal) -> Verdict:
        metrics.MESSAGES_REFUSED.labels(door=self._door, reason=refusal.reason.value).inc()
        reason = refusal.reason
        answer = Refused(
            id=str(ids.derived("refused", refusal.source or "", refusal.subject or "", reason.value)),
            time=clock.now(),
            subject=refusal.subject,
            tenantid=refusal.tenant,
            data=RefusedData(reason=reason, message=refusal.message, passing=reason.passing),
        )
        return Verdict(answer, refusal.reply_to, kept(refusal, self._door))

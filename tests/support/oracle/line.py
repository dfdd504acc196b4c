"""How jobs wait, in the model: in the backlog, until they are due, or behind their ordering key."""

from uuid import UUID

from shared.gate.values import Offer, milliseconds
from tests.support.oracle.jobs import Job, Where
from tests.support.oracle.state import State


class Line(State):
    def offer(self, offer: Offer) -> None:
        """One that is known already stays one job; one that is leased waits again when its run has ended."""
        self.configure(offer.configuration)
        self.lanes[offer.lane].weight = offer.lane_weight
        known = self.jobs.by_id.get(offer.job)
        if known is None:
            self.wait(self.taken_in(offer))
        elif known.hand is not None and not known.again:
            known.again, known.cancelled = True, False
        self.place(offer.configuration.tenant)

    def cancel(self, id_: UUID) -> None:
        """One that waits is forgotten, one that is leased is marked."""
        job = self.jobs.by_id.get(id_)
        if job is None:
            return
        if job.hand is not None:
            job.cancelled = True
            return
        self.leave(job)
        self.place(job.tenant)

    def taken_in(self, offer: Offer) -> Job:
        due = milliseconds(offer.due) if offer.due else 0
        job = self.jobs.by_id[offer.job] = Job(offer, self.now, due if due > self.now else 0)
        self.tenants[job.tenant].part(job.lane)
        return job

    def wait(self, job: Job) -> None:
        """Let a job wait that did not."""
        job.where, job.again = Where.HELD, False
        self.arrange(job)

    def leave(self, job: Job) -> None:
        del self.jobs.by_id[job.id]
        if job.key:
            self.arrange(job)

    def arrange(self, job: Job) -> None:
        """Of an ordering key's jobs the one that runs is out, or else the one accepted first; the others are held."""
        line = self.jobs.line(job.tenant, job.key) if job.key else [job]
        if not line:
            return
        out = next((other for other in line if other.where == Where.LEASED), line[0])
        for other in line:
            if other is not out:
                other.where = Where.HELD
        if out.where == Where.HELD:
            out.where = Where.DELAYED if out.due > self.now else Where.WAITING

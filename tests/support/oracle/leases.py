"""Whose turn it is, in the model, and what a turn costs."""

from collections.abc import Iterable, Sequence

from shared.gate.values import Beat, Ending, Lease, Offer
from tests.support.oracle.jobs import Hand, Job, Where, family_of
from tests.support.oracle.lanes import ALIKE
from tests.support.oracle.line import Line
from tests.support.oracle.money import Wanted
from tests.support.oracle.state import Worker

#: Weight of the newest in a running average.
NEWEST = 0.2


class Leases(Line):
    def turns(self, served: Sequence[str]) -> set[tuple[str, str]]:
        """The lane and the tenant whose turn it is; several where the order does not tell them apart."""
        return {
            (lane.name, name)
            for lane in self.lanes.turn_among(served, self.startable)
            for name in self._first(lane.name)
        }

    def _first(self, lane: str) -> Iterable[str]:
        ready = {
            name: tenant.parts[lane].time
            for name, tenant in self.tenants.items()
            if lane in tenant.parts and tenant.parts[lane].startable
        }
        return [name for name, time in ready.items() if time <= min(ready.values()) + ALIKE]

    def claim(self, worker: str, served: Sequence[str], lease_seconds: float, given: Lease | None) -> None:
        """The gate gave this lease: it must have been this job's turn."""
        turns = self.turns(served)
        if given is None:
            assert not turns, f"gave nothing, though it is the turn of {turns}"
            return
        assert (given.lane, given.tenant) in turns, f"gave {given.tenant} in {given.lane}; it is the turn of {turns}"
        job = self.jobs.backlog(given.tenant, given.lane)[0]
        assert given.job == job.id, f"gave a later job of {given.tenant} in {given.lane}"
        lane, tenant, family = self.lanes[job.lane], self.tenants[job.tenant], family_of(job.lane)
        lane.clock = max(lane.clock, tenant.parts[job.lane].time - self.charged(job.tenant, job.lane))
        tenant.count_start(family, self.now)
        self.happened.settled[job.lane, job.tenant] = 0
        self._lease_out(job, given, worker, lease_seconds)
        self.place(job.tenant)

    def adopt(self, offer: Offer, token: int, lease_seconds: float, *, cancelled: bool) -> None:
        """A rebuild takes in a job that runs."""
        self.configure(offer.configuration)
        self.lanes[offer.lane].weight = offer.lane_weight
        job = self.taken_in(offer)
        job.cancelled = cancelled
        self._lease_out(job, Lease(job.id, job.tenant, job.lane, token), "", lease_seconds)
        self.arrange(job)
        self.place(job.tenant)

    def release(self, ending: Ending) -> bool:
        """False where the lease had moved on."""
        job = self.held(ending.lease)
        if job is None:
            return False
        self.take_back(job, ending.cost, whole=ending.how == "done")
        if ending.how in ("done", "gone") and not job.again:
            self.leave(job)
        else:
            self._wait_again(job, ending)
        self.place(job.tenant)
        return True

    def _wait_again(self, job: Job, ending: Ending) -> None:
        if ending.how in ("done", "gone"):
            job.cancelled = False
        elif ending.need:
            job.wanted = Wanted.of(ending.need, self.now)
        after = round(ending.after * 1000) if ending.how == "retry" else 0
        job.due = self.now + after if after else 0
        self.wait(job)

    def held(self, lease: Lease) -> Job | None:
        """The job, if it is still leased under this token."""
        job = self.jobs.by_id.get(lease.job)
        return job if job and job.hand and job.hand.lease.token == lease.token else None

    def renew(self, worker: str, leases: Iterable[Lease], lease_seconds: float) -> Beat:
        """Answers which were lost, and which are to end."""
        lost, cancelled = set(), set()
        for lease in leases:
            job = self.held(lease)
            if job is None or job.hand is None:
                lost.add(lease.job)
                continue
            job.hand.worker, job.hand.ends = worker, self.now + lease_seconds * 1000
            if job.cancelled:
                cancelled.add(lease.job)
        return Beat(frozenset(lost), frozenset(cancelled))

    def beat(self, worker: str, slots: int, lanes: Sequence[str], lease_seconds: float) -> None:
        self.workers[worker] = Worker(slots, lanes, self.now + lease_seconds * 1000)

    def _lease_out(self, job: Job, lease: Lease, worker: str, lease_seconds: float) -> None:
        """Charge what the job is expected to cost: virtual time to its tenant, slot-seconds to its lane."""
        tenant, lane = self.tenants[job.tenant], self.lanes[job.lane]
        part = tenant.parts[job.lane]
        cost = job.offer.cost if part.usual is None else part.usual
        seconds = 1.0 if lane.usual is None else lane.usual
        share, lane_share = cost / tenant.told.weight, seconds / lane.weight
        part.time, lane.reached = part.time + share, lane.reached + lane_share
        ends = self.now + lease_seconds * 1000
        job.hand = Hand(lease, worker, self.now, ends, cost, share, lane_share)
        job.where, job.due, job.wanted = Where.LEASED, 0, None
        charges, place = self.happened.charges, (job.lane, job.tenant)
        charges[place] = max(charges[place], share)

    def take_back(self, job: Job, cost: float | None, *, whole: bool) -> None:
        """Put what was charged right by what was drawn; None: nobody knows, so what was charged stands.

        `whole`: the run came to its end, so its cost says what the next will cost.
        """
        hand, tenant, lane = job.hand, self.tenants[job.tenant], self.lanes[job.lane]
        assert hand is not None
        part, seconds = tenant.parts[job.lane], max(0.0, self.now - hand.since) / 1000
        drawn = hand.cost if cost is None else cost
        right = drawn / tenant.told.weight - hand.share
        part.time, lane.reached = part.time + right, lane.reached + seconds / lane.weight - hand.lane_share
        if whole:
            part.usual, lane.usual = _averaged(part.usual, drawn), _averaged(lane.usual, seconds)
        job.hand = None
        self.happened.raised[job.lane, job.tenant] += max(0.0, right)
        self.happened.lowered[job.lane, job.tenant] += max(0.0, -right)
        self.happened.settled[job.lane, job.tenant] += drawn / tenant.told.weight


def _averaged(usual: float | None, newest: float) -> float:
    return newest if usual is None else usual + NEWEST * (newest - usual)

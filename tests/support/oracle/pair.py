"""The gate and the model, side by side: whatever is asked of one is asked of both, and what they answer is compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from redis import Redis

from shared.gate import gate as gates
from shared.gate.limits import Configuration
from shared.gate.values import Draw, Ending, Hold, Lease, Offer, Permits, Reserved, Shortage, milliseconds
from tests.support.books import Books, read
from tests.support.gates import LEASE, TimedGate
from tests.support.near import same
from tests.support.oracle.agreement import MOMENT, agree
from tests.support.oracle.model import Model


class Pair:
    """`broker`: the permits that lie in each lane's queue; `lost`: leases that are worth nothing any more.

    `starts`: what was claimed, and when by a clock that never steps back (`elapsed`), in milliseconds.
    """

    def __init__(self, client: Redis, tenants: Sequence[str], lanes: Sequence[str]) -> None:
        self.gate = TimedGate(client)
        self.model = Model(milliseconds(self.gate.now))
        self.tenants, self.lanes, self.epoch = tenants, lanes, 1
        self.broker: Counter[str] = Counter()
        self.lost: list[Lease] = []
        self.starts: list[tuple[float, Lease]] = []
        self.latest, self.elapsed, self.planned, self._token = self.model.now, 0.0, 0.0, 0

    # --- doors and operators --------------------------------------------------

    def offer(self, offers: Sequence[Offer], *, epoch: int | None = None) -> None:
        owed: Counter[str] = Counter()
        for offer in offers:
            with self.model.operation() as permits:
                self.model.offer(offer)
            owed.update(permits)
        self._publish(self.gate.offer(offers, epoch=epoch), owed)

    def configure(self, told: Configuration, *, epoch: int | None = None) -> None:
        with self.model.operation() as permits:
            self.model.tell(told)
        self._publish(self.gate.configure(told, epoch=epoch), permits)

    def pause(self, lane: str, *, paused: bool, epoch: int | None = None) -> None:
        with self.model.operation() as permits:
            self.model.lanes[lane].paused = paused
        self._publish(self.gate.pause(lane, paused=paused, epoch=epoch), permits)

    def weigh(self, lane: str, weight: float) -> None:
        with self.model.operation() as permits:
            self.model.lanes[lane].weight = weight
        self._publish(self.gate.weigh(lane, weight), permits)

    def cancel(self, job: UUID) -> None:
        with self.model.operation() as permits:
            self.model.cancel(job)
        self._publish(self.gate.cancel(job), permits)

    def adopt(self, running: Sequence[tuple[Offer, int, bool]], lease_seconds: float) -> None:
        """A rebuild only; it owes nothing."""
        for offer, token, cancelled in running:
            with self.model.operation() as permits:
                self.model.adopt(offer, token, lease_seconds, cancelled=cancelled)
            assert not permits
        assert not self.gate.adopt(running, lease_seconds, epoch=self.epoch)

    # --- workers --------------------------------------------------------------

    def claim(self, worker: str, served: Sequence[str], permit: str = "") -> Lease | None:
        answered = self.gate.claim(worker, served, LEASE, permit=permit)
        with self.model.operation() as permits:
            if permit:
                self.model.lanes[permit].permit_arrived()
            self._claimed(worker, served, answered.lease)
        self._publish(answered.permits, permits)
        return answered.lease

    def release(self, ending: Ending) -> None:
        answered = self.gate.release(ending)
        with self.model.operation() as permits:
            assert answered.held == self._released(ending)
        self._publish(answered.permits, permits)

    def next(self, ending: Ending, worker: str, served: Sequence[str]) -> Lease | None:
        answered = self.gate.next(ending, worker, served, LEASE)
        with self.model.operation() as permits:
            assert answered.held == self._released(ending)
            self._claimed(worker, served, answered.lease)
        self._publish(answered.permits, permits)
        return answered.lease

    def renew(self, worker: str, leases: Sequence[Lease], slots: int | None, lanes: Sequence[str]) -> None:
        beat = self.gate.renew(worker, leases, LEASE, slots=slots, lanes=lanes)
        assert beat == self.model.renew(worker, leases, LEASE)
        if slots is not None:
            self.model.beat(worker, slots, lanes, LEASE)

    def reserve(self, hold: Hold) -> Reserved:
        told = self.gate.reserve(hold)
        with self.model.operation() as permits:
            expected = self.model.reserve(hold)
        assert (told.held, told.cancelled, told.version) == (expected.held, expected.cancelled, expected.version)
        assert _bare(told.shortage) == _bare(expected.shortage)
        self._publish(told.permits, permits)
        return told

    def settle(self, draws: Sequence[tuple[str, Draw]]) -> None:
        with self.model.operation() as permits:
            self.model.settle(draws)
        self._publish(self.gate.settle(draws), permits)

    # --- time and mishaps -----------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Back, where it is negative."""
        self.gate.pass_time(seconds)
        self.model.now = milliseconds(self.gate.now)
        self.elapsed += max(0.0, seconds) * 1000
        self.latest = max(self.latest, self.model.now)

    def sweep(self) -> None:
        held = [hand.lease for _, hand in self.model.jobs.hands()]
        answered = self.gate.sweep("sweeper")
        with self.model.operation() as permits:
            expired, wake = self.model.sweep(permits, gates.SWEEP_LIMIT)
        assert answered.fields["swept"]
        assert answered.fields["expired"] == expired
        assert same(answered.fields["wake"], wake, MOMENT)
        self.lost += [lease for lease in held if self.model.held(lease) is None]
        self.gate.redis.delete(f"{self.gate.prefix}wake:sweep")
        self.planned = self.model.now + wake
        self._publish(answered.permits, permits)

    def check(self) -> Books:
        """The gate's books are right in themselves, and what the model says."""
        books = read(self.gate.redis, self.gate.prefix, self.epoch, self.tenants, self.lanes)
        books.check(self.latest)
        agree(books, self.model)
        rung = abs(books.planned - self.planned) > MOMENT
        assert (books.bell > 0) == rung, "the sweeper must be rung for where it is to sweep earlier than it means to"
        return books

    def _claimed(self, worker: str, served: Sequence[str], given: Lease | None) -> None:
        self.model.claim(worker, served, LEASE, given)
        if given is not None:
            assert given.token > self._token, "a fence that did not grow"
            self._token = given.token
            self.starts.append((self.elapsed, given))

    def _released(self, ending: Ending) -> bool:
        held = self.model.release(ending)
        if held:
            self.lost.append(ending.lease)
        return held

    def _publish(self, told: Permits, expected: Permits) -> None:
        assert told == expected, "the permits owed"
        self.broker.update(told)


def _bare(shortage: Shortage | None) -> Shortage | None:
    """To the millisecond."""
    return shortage and replace(shortage, seconds=round(shortage.seconds, 3))

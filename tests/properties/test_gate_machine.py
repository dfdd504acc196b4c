"""The oracle: whatever is asked of the gate, in whatever order, it does what a plain model of its specification does.

Hypothesis drives the real scripts on a real Redis, and the model beside them (`tests/support/oracle`). After each step
all that the gate keeps is audited in itself, compared with the model, and held against the bounds; at the end, with all
permits lost and all workers dead, a live worker must run everything. `make explore` does so at length.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shared.embedded import Servers
from shared.gate.values import Draw, Ending, Hold, How
from tests.support.oracle.draws import (
    LANES,
    SLOTS,
    Asked,
    ago,
    amounts,
    asked,
    changes,
    costs,
    delays,
    keyed,
    lanes,
    served,
    steps,
    steps_back,
    tenants,
    weights,
    workers,
)
from tests.support.oracle.rebuilding import Loss, lose_memory, rebuild
from tests.support.oracle.story import Story
from tests.support.oracle.telling import tell

#: Steps between two losses of memory, at least: what stands before one must come to be first.
SELDOM = 15


class GateMachine(Story):
    # --- what doors and operators do ------------------------------------------

    @rule(asked=st.lists(asked, min_size=1, max_size=6))
    def accept_more(self, asked: Sequence[Asked]) -> None:
        self.accept(asked)

    @rule(first=keyed, last=keyed, dies=st.booleans())
    def be_overtaken(self, first: Asked, last: Asked, dies: bool) -> None:
        """A door is slow to offer a job, or dies first: then a sweep of the ledger will offer it."""
        offer = self.accepted(first)
        self.accept([last])
        if dies:
            self.untold.append(offer)
        else:
            self.tell([offer])

    @precondition(lambda self: self.untold)
    @rule()
    def sweep_the_ledger(self) -> None:
        found, self.untold = self.untold, []
        self.tell(found)

    @precondition(lambda self: self.offered)
    @rule(data=st.data())
    def offer_again(self, data: st.DataObject) -> None:
        """A job that waits, is leased, or has ended."""
        self.pair.offer([data.draw(st.sampled_from(self.offered))])

    @rule(tenant=tenants, change=changes, told=st.booleans())
    def configure(self, tenant: str, change: dict[str, Any], told: bool) -> None:
        """Told at once, or with the tenant's next job."""
        before, after = self.told[tenant], self.changed(tenant, change)
        if told:
            self.pair.configure(after)
            self.pair.configure(before)

    @rule(lane=lanes, paused=st.sampled_from([False, False, True]), weight=weights)
    def change_a_lane(self, lane: str, paused: bool, weight: float) -> None:
        self.pair.pause(lane, paused=paused)
        self.pair.weigh(lane, weight)

    @precondition(lambda self: self.offered)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.pair.cancel(data.draw(st.sampled_from(self.offered)).job)

    # --- what workers do ------------------------------------------------------

    @rule(lane=lanes, worker=workers, lanes=served)
    def take_a_permit(self, lane: str, worker: str, lanes: Sequence[str]) -> None:
        """Or, where none is there, one that came twice."""
        self.pair.broker[lane] = max(0, self.pair.broker[lane] - 1)
        self.pair.claim(worker, lanes, permit=lane)

    @rule(worker=workers, lanes=served)
    def fill_slots(self, worker: str, lanes: Sequence[str]) -> None:
        self.fill(worker, lanes)

    @rule(data=st.data(), drawn=st.lists(costs, min_size=1, max_size=8), worker=workers, lanes=served)
    def go_on(self, data: st.DataObject, drawn: Sequence[float], worker: str, lanes: Sequence[str]) -> None:
        """A slot runs one job after the other."""
        lease = data.draw(st.sampled_from(self.leases)) if self.leases else self.pair.claim(worker, lanes)
        for cost in drawn:
            if lease is not None:
                lease = self.pair.next(Ending(lease, cost), worker, lanes)
                self.check()

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), cost=costs, how=st.sampled_from(["done", "done", "retry", "back", "gone"]), after=delays)
    def release(self, data: st.DataObject, cost: float, how: How, after: float) -> None:
        self.pair.release(Ending(data.draw(st.sampled_from(self.leases)), cost, how, after))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), tokens=amounts, nanos=amounts, after=delays)
    def wait_for_room(self, data: st.DataObject, tokens: int, nanos: int, after: float) -> None:
        how: How = "retry" if after else "back"
        lease, need = data.draw(st.sampled_from(self.leases)), self.need(tokens, nanos)
        self.pair.release(Ending(lease, 0.0, how, after, need))

    @rule(worker=workers, slots=st.sampled_from([SLOTS, None]), lanes=served)
    def beat(self, worker: str, slots: int | None, lanes: Sequence[str]) -> None:
        """A process tells what it holds: also something that it has lost, and what a rebuild took in."""
        held = [hand.lease for _, hand in self.pair.model.jobs.hands() if hand.worker in (worker, "")]
        self.pair.renew(worker, [*held, *self.pair.lost[-1:]], slots, lanes)

    @precondition(lambda self: self.pair.lost)
    @rule(data=st.data(), worker=workers)
    def act_on_a_lost_lease(self, data: st.DataObject, worker: str) -> None:
        """A zombie: nothing that it does counts, but it may go on with another job."""
        lease = data.draw(st.sampled_from(self.pair.lost))
        assert not self.pair.reserve(Hold("lost", lease, self.need(1, 1))).held
        self.pair.release(Ending(lease, 9.0))
        self.pair.next(Ending(lease, 9.0), worker, LANES)

    # --- what their calls draw ------------------------------------------------

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), wanted=st.lists(st.tuples(amounts, amounts, st.booleans()), min_size=1, max_size=4), ago=ago)
    def call(self, data: st.DataObject, wanted: Sequence[tuple[int, int, bool]], ago: int) -> None:
        """Some calls, some of which are answered. Where there is no room the job goes back until there is."""
        lease = data.draw(st.sampled_from(self.leases))
        for tokens, nanos, answered in wanted:
            hold = Hold(f"call {next(self.numbers)}", lease, self.need(tokens, nanos, ago))
            if self.pair.reserve(hold).shortage is not None:
                self.pair.release(Ending(lease, 0.0, "back", need=hold.need))
                return
            self.pair.reserve(hold)
            if answered:
                self.pair.settle([(hold.call, Draw(tokens // 2, nanos // 2))])

    @precondition(lambda self: self.pair.model.money.reserved)
    @rule(data=st.data(), whole=st.booleans())
    def settle(self, data: st.DataObject, whole: bool) -> None:
        """Said twice, by the worker and by the recorder."""
        reserved = self.pair.model.money.reserved
        calls = data.draw(st.lists(st.sampled_from(sorted(reserved)), min_size=1, max_size=2, unique=True))
        worst = [(call, reserved[call].need.draw) for call in calls]
        draws = worst if whole else [(call, Draw(draw.tokens // 2, draw.nanos // 2)) for call, draw in worst]
        self.pair.settle(draws)
        self.pair.settle(draws)

    # --- what time and mishaps do ---------------------------------------------

    @rule(seconds=steps, beating=st.booleans(), swept=st.booleans(), lost=st.none() | lanes)
    def pass_time(self, seconds: float, beating: bool, swept: bool, lost: str | None) -> None:
        """Permits that lie in a queue may be lost meanwhile; workers live on, or fall silent."""
        self.pair.pass_time(seconds)
        if beating:
            self.beat_all()
        if lost is not None:
            self.pair.broker[lost] = 0
        if swept:
            self.pair.sweep()

    @rule(seconds=steps_back)
    def step_back(self, seconds: float) -> None:
        self.pair.pass_time(-seconds)

    @rule()
    def sweep(self) -> None:
        self.pair.sweep()

    @precondition(lambda self: self.steps > SELDOM)
    @rule(data=st.data(), loss=st.sampled_from(Loss), batch=st.sampled_from([1, 2, 500]))
    def lose_memory_and_rebuild(self, data: st.DataObject, loss: Loss, batch: int) -> None:
        """Of the jobs that were leased the ledger says that some run; others had not started, or had ended."""
        leased = [job for job, _ in self.pair.model.jobs.hands() if not job.again]
        running = {job.id for job in leased if data.draw(st.booleans())}
        lose_memory(self.pair, loss)
        rebuild(self.pair, running, self.told, batch)
        self.steps = 0


@pytest.mark.timeout(600)  # a failing story is told again for five minutes, until it is short
def test_the_gate_does_what_its_specification_does(servers: Servers) -> None:
    tell(GateMachine, servers.redis_url, examples=120, steps=50)

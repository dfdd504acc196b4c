"""How each story ends: all permits are lost, all workers are dead, and one live worker must run all that waits."""

from shared.gate.values import Draw, Ending
from tests.support.gates import LEASE, configuration
from tests.support.oracle.bounds import Bounds
from tests.support.oracle.draws import LANES, SLOTS
from tests.support.oracle.pair import Pair

#: Sweeps within which something must run: the repair of lost permits waits 32 of them at most.
PATIENCE = 64


def drain(pair: Pair, bounds: Bounds) -> None:
    open_all_ways(pair)
    pair.pass_time((pair.latest - pair.model.now) / 1000 + LEASE)
    while any(pair.model.jobs):
        before = len(pair.model.jobs.by_id)
        for _ in range(PATIENCE):
            run_what_is_permitted(pair)
            bounds.check(pair, pair.check())
            if len(pair.model.jobs.by_id) < before:
                break
            pair.pass_time(1)
            pair.renew("last", [], SLOTS, LANES)
            pair.sweep()
        else:
            raise AssertionError(f"{before} jobs never ran")
    books = pair.check()
    left = (books.jobs, books.leases, books.reserved, books.holders, books.busy, books.active)
    assert not any(left), "something was left over"


def open_all_ways(pair: Pair) -> None:
    """Nothing but lost permits, and leases and dues that must end, keeps the rest from running."""
    pair.settle([(call, Draw(0, 0)) for call in pair.model.money.reserved])
    for tenant, known in list(pair.model.tenants.items()):
        pair.configure(configuration(tenant, version=known.told.version + 1, running=2, turns=1, ingest=1, ops=1))
    for lane in LANES:
        pair.pause(lane, paused=False)
    pair.broker.clear()


def run_what_is_permitted(pair: Pair) -> None:
    for lane in list(pair.broker.elements()):
        pair.broker[lane] -= 1
        lease = pair.claim("last", LANES, permit=lane)
        while lease is not None:
            lease = pair.next(Ending(lease, 1.0), "last", LANES)

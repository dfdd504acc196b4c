"""Of the jobs of one ordering key one runs at a time, the earliest first, whatever the gate hands out."""

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.cell import Cell
from shared.contracts.results import Result
from shared.gate.values import Ending, Lease
from shared.intake import Committed
from shared.ledger import ends, jobs, runs
from shared.ledger.ends import Finish
from shared.ledger.jobs import NewJob
from shared.ledger.runs import NotItsTurn
from shared.ledger.states import State
from tests.support.cells import make_tenant
from tests.support.executing import Slot
from tests.support.ledgers import await_blocked, lease_on, new_job, record
from tests.support.rebuilding import claim, claimed, rebuild, started, submitted
from tests.support.walking import job
from tests.support.workers import eventually
from workers.outcomes import Done, Outcome
from workers.run.context import Context

KEY = "conversation/c-1"


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1000, running=1000)


def ordered(cell: Cell, number: int, key: str | None = KEY) -> list[NewJob]:
    made = [new_job(ordering_key=key) for _ in range(number)]
    record(cell, *made)
    return made


def starts(cell: Cell, made: NewJob, token: int) -> bool:
    return starts_under(cell, lease_on(made, token))


def starts_under(cell: Cell, lease: Lease) -> bool:
    try:
        runs.start(cell.database, lease)
    except NotItsTurn:
        return False
    return True


def finish(cell: Cell, lease: Lease) -> None:
    with cell.database.transaction(lease.tenant) as connection:
        ends.finish(connection, lease, Finish(State.DONE))


def test_a_job_starts_when_all_before_it_are_over(cell: Cell) -> None:
    first, second, third = ordered(cell, 3)
    assert not starts(cell, second, 1), "the first waits"
    assert starts(cell, first, 2)
    assert not starts(cell, second, 3), "the first runs"
    assert starts(cell, first, 4), "its worker died, and it runs again"
    with cell.database.transaction("acme") as connection:
        assert ends.wait_again(connection, lease_on(first, 4), after=60, error="no luck", failed=True)
    assert not starts(cell, second, 5), "the first will be tried again"
    assert starts(cell, first, 6)
    finish(cell, lease_on(first, 6))
    assert not starts(cell, third, 7), "the second waits"
    assert starts(cell, second, 8)


def test_a_refused_start_changes_nothing(cell: Cell) -> None:
    _, second = ordered(cell, 2)
    assert not starts(cell, second, 7)
    row = job(cell, "acme", str(second.job_id))
    assert (row["state"], row["run"], row["failures"], row["fence"]) == ("waiting", 0, 0, 0)


def test_other_keys_other_tenants_and_no_key_hold_nothing_back(cell: Cell) -> None:
    make_tenant(cell, "globex")
    ordered(cell, 1)
    theirs = new_job("globex", ordering_key=KEY)
    record(cell, theirs)
    assert starts(cell, theirs, 1)
    assert all(starts(cell, made, 1) for made in ordered(cell, 1, "other") + ordered(cell, 2, None))


def test_an_earlier_job_that_is_committed_late_waits_for_the_one_that_runs(cell: Cell) -> None:
    """Two doors at once: the job that got its number first is committed while the other starts."""
    early, late = new_job(ordering_key=KEY), new_job(ordering_key=KEY)
    with ThreadPoolExecutor(1) as pool:
        with cell.database.transaction("acme") as starting:
            with cell.database.transaction("acme") as accepting:
                jobs.insert(accepting, "acme", [early], [early])
                record(cell, late)
                assert starting.execute(runs.START, runs.place(lease_on(late, 1))).fetchone()
            other = pool.submit(starts, cell, early, 1)
            await_blocked(cell)
        assert other.result() is False
    finish(cell, lease_on(late, 1))
    assert starts(cell, early, 2)


def test_threads_that_start_whatever_they_like_run_each_key_in_order(cell: Cell) -> None:
    made = [made for _ in range(8) for key in ("one", "two") for made in ordered(cell, 1, key)]
    left, in_hand, running = list(made), list[NewJob](), list[str | None]()
    ran: dict[str | None, list[NewJob]] = {"one": [], "two": []}
    lock, tokens = threading.Lock(), itertools.count(1)

    def run(chosen: NewJob, lease: Lease) -> None:
        if starts_under(cell, lease):
            with lock:
                assert chosen.ordering_key not in running
                running.append(chosen.ordering_key)
                ran[chosen.ordering_key].append(chosen)
            with lock:
                running.remove(chosen.ordering_key)
                left.remove(chosen)
            finish(cell, lease)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while left:
            with lock:
                free = [each for each in left if each not in in_hand]
                chosen = chance.choice(free) if free else None
                in_hand.extend([chosen] if chosen else [])
            if chosen is not None:
                run(chosen, lease_on(chosen, next(tokens)))
                with lock:
                    in_hand.remove(chosen)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert ran == {key: [each for each in made if each.ordering_key == key] for key in ran}


def test_the_gate_hands_out_a_key_job_by_job_and_a_retry_keeps_it(cell: Cell) -> None:
    first, second, third = submitted(cell, 3, ordering_key=KEY)
    (free,) = submitted(cell, 1)
    lease = claim(cell)
    assert lease is not None
    assert (lease.job, claimed(cell)) == (first, [free])
    cell.gate.release(Ending(lease, 1.0, "retry", after=0.05))
    again = eventually(lambda: (cell.gate.sweep("w"), claim(cell))[1], "the first is due again")
    assert again is not None
    assert (again.job, claimed(cell)) == (first, [])
    for expected in (second, third):
        cell.gate.release(Ending(again, 1.0))
        again = claim(cell)
        assert again is not None
        assert again.job == expected


def test_a_rebuild_leaves_each_key_with_the_job_that_runs(cell: Cell) -> None:
    _, *others = submitted(cell, 3, ordering_key=KEY)
    (lease,) = started(cell, 1)
    cell.redis.flushall()
    assert rebuild(cell) == (2, 1)
    assert claimed(cell) == []
    finish(cell, lease)
    cell.gate.release(Ending(lease, 1.0))
    for expected in others:
        (lease,) = started(cell, 1)
        assert (lease.job, claimed(cell)) == (expected, [])
        finish(cell, lease)
        cell.gate.release(Ending(lease, 1.0))


def test_a_job_that_the_gate_hands_out_too_early_lets_the_earlier_one_go_first(cell: Cell) -> None:
    """The door died between the commit of the first and its offer; the ledger sweep offers it later."""
    first, second = ordered(cell, 2)
    offers = [Committed("acme", x.job_id, seq, x.family, 5, None, KEY) for seq, x in ((1, first), (2, second))]
    ran = []

    def room(context: Context, _: object) -> Outcome:
        ran.append(context.run.job)
        return Done(Result())

    slot = Slot(cell, room)
    cell.intake.offer(offers[1:])
    assert slot.serve()
    cell.intake.offer(offers[:1])
    assert ran == [], "the second was given back"
    eventually(lambda: (cell.gate.sweep("w"), slot.serve())[1] and len(ran) == 2, "both have run")
    assert ran == [first.job_id, second.job_id]
    row = job(cell, "acme", str(second.job_id))
    assert (row["run"], row["failures"]) == (1, 0)

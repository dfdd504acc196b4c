"""How jobs come into the ledger: each (source, id) of a tenant once, in order, and one for many where that will do."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from shared.cell import Cell
from shared.ledger import jobs, runs
from shared.ledger.jobs import Known, NewJob
from tests.support.cells import make_tenant
from tests.support.ledgers import await_blocked, lease_on, new_job, record

KEY = "embed/default"


@pytest.fixture(autouse=True)
def tenants(cell: Cell) -> None:
    make_tenant(cell, "acme")
    make_tenant(cell, "globex")


def insert(cell: Cell, made: Sequence[NewJob]) -> dict[tuple[str, str], Known]:
    with cell.database.transaction(made[0].tenant_id) as connection:
        return jobs.insert(connection, made[0].tenant_id, made, made).known()


def ask(cell: Cell) -> Known | None:
    with cell.database.transaction("acme") as connection:
        return jobs.insert_one(connection, new_job(coalesce_key=KEY))


def test_jobs_are_numbered_in_the_order_in_which_they_came(cell: Cell) -> None:
    made = [new_job() for _ in range(200)]
    known = insert(cell, made)
    numbers = [known["/tests", job.event_id].seq for job in made]
    assert numbers == sorted(set(numbers))


def test_a_job_recorded_again_is_the_one_that_is_known(cell: Cell) -> None:
    first, again = new_job(event="1"), new_job(event="1")
    insert(cell, [first])
    assert insert(cell, [again])["/tests", "1"].job_id == first.job_id


def test_one_id_twice_in_a_batch_is_one_job(cell: Cell) -> None:
    first, again = new_job(event="1"), new_job(event="1", body_hash=b"other")
    known = insert(cell, [first, again])["/tests", "1"]
    assert (known.job_id, bytes(known.body_hash)) == (first.job_id, b"body")


def test_one_id_from_two_sources_is_two_jobs(cell: Cell) -> None:
    assert len(insert(cell, [new_job(event="1"), new_job(event="1", source="/other")])) == 2


def test_one_id_of_two_tenants_is_two_jobs(cell: Cell) -> None:
    mine, theirs = new_job(event="1"), new_job("globex", event="1")
    assert insert(cell, [mine])["/tests", "1"].job_id == mine.job_id
    assert insert(cell, [theirs])["/tests", "1"].job_id == theirs.job_id


def test_one_id_recorded_by_many_at_once_is_one_job(cell: Cell) -> None:
    with ThreadPoolExecutor(8) as pool:
        known = list(pool.map(lambda _: insert(cell, [new_job(event="1")]), range(16)))
    assert len({each["/tests", "1"].job_id for each in known}) == 1


def test_work_is_asked_for_once_while_a_job_waits_to_do_it(cell: Cell) -> None:
    assert ask(cell) is not None
    assert ask(cell) is None


def test_other_work_and_other_tenants_get_a_job_of_their_own(cell: Cell) -> None:
    ask(cell)
    with cell.database.transaction("acme") as connection:
        assert jobs.insert_one(connection, new_job(coalesce_key="embed/other")) is not None
    with cell.database.transaction("globex") as connection:
        assert jobs.insert_one(connection, new_job("globex", coalesce_key=KEY)) is not None


def test_work_asked_for_after_the_start_gets_a_new_job(cell: Cell) -> None:
    first = new_job(coalesce_key=KEY)
    with cell.database.transaction("acme") as connection:
        jobs.insert_one(connection, first)
    runs.start(cell.database, lease_on(first, 1))
    assert ask(cell) is not None


def test_a_job_does_not_start_before_those_who_rely_on_it_have_committed(cell: Cell) -> None:
    waiting = new_job(coalesce_key=KEY)
    with cell.database.transaction("acme") as connection:
        jobs.insert_one(connection, waiting)
    with ThreadPoolExecutor(1) as pool:
        with cell.database.transaction("acme") as connection:
            assert jobs.insert_one(connection, new_job(coalesce_key=KEY)) is None
            start = pool.submit(runs.start, cell.database, lease_on(waiting, 1))
            await_blocked(cell)
            assert not start.done()
        assert start.result().number == 1


def test_who_asks_while_the_job_is_starting_gets_a_new_one(cell: Cell) -> None:
    starting = new_job(coalesce_key=KEY)
    with cell.database.transaction("acme") as connection:
        jobs.insert_one(connection, starting)
    asked: Future[Known | None]
    with ThreadPoolExecutor(1) as pool:
        with cell.database.transaction("acme") as connection:
            lease = lease_on(starting, 1)
            assert connection.execute(runs.START, runs.place(lease)).fetchone()
            asked = pool.submit(ask, cell)
            await_blocked(cell)
            assert not asked.done()
        known = asked.result()
    assert known is not None
    assert known.job_id != starting.job_id


def test_a_job_is_recorded_once_however_often_its_parent_asks(cell: Cell) -> None:
    child = new_job(event="1")
    record(cell, child)
    with cell.database.transaction("acme") as connection:
        known = jobs.insert_one(connection, new_job(event="1"))
    assert known is not None
    assert known.job_id == child.job_id

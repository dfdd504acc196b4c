"""Slots and permits: no worker hoards, no lost permit stalls a lane, no flush of the broker loses a job."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import ids
from shared.cell import Cell
from shared.embedded import Servers
from shared.stores import redis
from tests.integration.bus.places import amqp_channel
from tests.support import cells
from tests.support.cells import make_tenant
from tests.support.commands import celery
from tests.support.records import change
from tests.support.walking import accept, event, finished, submit
from tests.support.workers import eventually, workers

LANES = ["ops.pro"]


def states(cell: Cell, tenant: str) -> list[str]:
    with cell.database.transaction(tenant) as connection:
        return [row["state"] for row in connection.execute("SELECT state FROM tenant.jobs").fetchall()]


def all_done(cell: Cell, tenant: str, many: int) -> None:
    eventually(lambda: states(cell, tenant).count("done") == many, f"{many} jobs are done")


def ran_once(cell: Cell, tenant: str) -> None:
    with cell.database.transaction(tenant) as connection:
        runs = [row["run"] for row in connection.execute("SELECT run FROM tenant.jobs").fetchall()]
    assert set(runs) == {1}


def probes(cell: Cell, key: str, many: int, seconds: float = 0.0) -> None:
    accept(cell, *[event("ops.probe", {"seconds": seconds}, key) for _ in range(many)])


def waits(cell: Cell, tenant: str) -> list[float]:
    """Seconds from accepted to started, of each job."""
    statement = "SELECT extract(epoch FROM started_at - accepted_at)::float AS waited FROM tenant.jobs ORDER BY seq"
    with cell.database.transaction(tenant) as connection:
        return [row["waited"] for row in connection.execute(statement).fetchall()]


def test_an_idle_worker_takes_the_work_at_once_while_another_is_busy(cell: Cell) -> None:
    """All slots of one are in long jobs, and more of those wait: it must not sit on permits it cannot use."""
    busy, light = make_tenant(cell, "busy", ops=2).secret, make_tenant(cell, "light").secret
    with workers(cell, LANES, slots=2):
        probes(cell, busy, 6, seconds=5)
        eventually(lambda: states(cell, "busy").count("running") == 2, "all slots of the first worker are taken")
        with workers(cell, LANES, slots=2):
            for _ in range(8):
                finished(cell, "light", submit(cell, "ops.probe", {}, light))
    assert max(waits(cell, "light")[1:]) < 1.0, "the first may have waited for the second worker's first connection"


def test_permits_that_are_lost_are_sent_anew_within_a_few_sweeps(cell: Cell) -> None:
    """Twenty permits vanish from the broker while the gate believes in them; then a job a moment arrives."""
    key = make_tenant(cell, "acme", ops=30, running=30).secret
    probes(cell, key, 20)
    broker = redis.connect(cell.broker_url)
    taken = [broker.lpop("ops.pro") for _ in range(20)]
    assert all(taken)
    with workers(cell, LANES, slots=4):
        for _ in range(10):
            finished(cell, "acme", submit(cell, "ops.probe", {}, key))
        all_done(cell, "acme", 30)
    broker.close()
    late = waits(cell, "acme")[20:]
    assert max(late) < 5.0, late
    assert sorted(late)[5] < 1.0, "after the repair each starts at once"


def test_permits_that_workers_took_and_dropped_are_sent_anew(cell: Cell) -> None:
    """As when a worker died with them in hand: taken from the queue, never brought to the gate, under light traffic."""
    key = make_tenant(cell, "acme", ops=30, running=30).secret
    broker = redis.connect(cell.broker_url)
    with workers(cell, LANES, slots=4):
        finished(cell, "acme", submit(cell, "ops.probe", {}, key))
        live = believed(cell, 20)
        for _ in range(10):
            finished(cell, "acme", submit(cell, "ops.probe", {}, key))
    broker.close()
    assert live == 20
    late = waits(cell, "acme")[1:]
    assert max(late) < 5.0, late


def believed(cell: Cell, many: int) -> int:
    """Make the gate believe that so many permits are out that nobody has."""
    (key,) = cell.redis.scan_iter("hg:{main}:*:lane:ops.pro")
    return change(cell.redis, key.decode(), "live", many)


def test_many_jobs_run_on_few_permits(cell: Cell) -> None:
    key = make_tenant(cell, "acme", ops=4).secret
    with workers(cell, LANES, slots=4):
        probes(cell, key, 200)
        broker = redis.connect(cell.broker_url)
        assert int(broker.llen("ops.pro")) <= 64
        all_done(cell, "acme", 200)
        broker.close()
    ran_once(cell, "acme")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_flush_of_gate_and_broker_loses_no_job_and_runs_none_twice(cell: Cell, pool: str) -> None:
    key = make_tenant(cell, "acme", ops=4).secret
    with workers(cell, LANES, slots=4, pool=pool):
        probes(cell, key, 50, seconds=0.2)
        eventually(lambda: states(cell, "acme").count("done") >= 10, "it is in its middle")
        cell.redis.flushall()
        all_done(cell, "acme", 50)
    ran_once(cell, "acme")


@pytest.fixture
def cell_on_rabbitmq(servers: Servers) -> Iterator[Cell]:
    """A cell whose permits travel by RabbitMQ, in the lanes of a tier that nobody else has."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5672)):
            pytest.skip("no RabbitMQ on 127.0.0.1:5672")
    urls = {"broker_url": "amqp://guest:guest@127.0.0.1:5672//", "bus_url": servers.redis_url}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **urls) as cell:
        yield cell


@pytest.mark.rabbitmq
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_jobs_travel_by_rabbitmq(cell_on_rabbitmq: Cell, pool: str) -> None:
    cell, tier = cell_on_rabbitmq, f"test-{ids.new().hex}"
    with cell.admin.transaction() as connection:
        connection.execute("INSERT INTO control.tiers SELECT %s, weight, limits FROM control.tiers LIMIT 1", (tier,))
    key, lane = make_tenant(cell, "acme", tier, ops=4, running=4).secret, f"ops.{tier}"
    try:
        with workers(cell, [lane], slots=2, pool=pool):
            probes(cell, key, 40)
            all_done(cell, "acme", 40)
            finished(cell, "acme", submit(cell, "ops.probe", {}, key))
    finally:
        with amqp_channel() as channel:
            channel.queue_delete(lane)
    ran_once(cell, "acme")
    assert waits(cell, "acme")[-1] < 2.0


@pytest.mark.parametrize("queues", ["nonsense", "turns", "turns.pro,celery", "tuns.pro"])
def test_a_worker_refuses_queues_that_are_no_lanes_in_one_line(cell: Cell, queues: str) -> None:
    said = celery(cell.settings, "worker", "-Q", queues)
    assert said.code == 1
    (line,) = [line for line in said.err.splitlines() if "lane" in line]
    assert "lanes are FAMILY.TIER" in line

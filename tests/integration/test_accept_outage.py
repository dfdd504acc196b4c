"""While a server is away nothing is said and nothing acknowledged; afterwards each message is accepted once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import psycopg
import pytest
from redis import Redis

from producers.accept import Acceptance, Verdict
from producers.bus.door import BusDoor
from producers.refusal import Refusal
from producers.request import Request, Requests
from shared import bus
from shared.bus import Bus
from shared.cell import Cell
from shared.errors import Unavailable
from shared.tenancy.access import Principal
from tests.support import cells
from tests.support.walking import accept, event
from tests.support.workers import eventually

TURN = {"conversation": "c-1", "message": "hello"}


@contextmanager
def without_postgres(cell: Cell) -> Iterator[Cell]:
    """The same cell as a door sees it whose Postgres does not answer."""
    away = cell.settings.model_copy(update={"database_url": "postgresql://headgate_app:x@127.0.0.1:1/nowhere"})
    broken = Cell(away)
    try:
        yield broken
    finally:
        broken.close()


@contextmanager
def serving(cell: Cell) -> Iterator[None]:
    """A bus door at work in a thread."""
    stopping = threading.Event()
    door = BusDoor(bus.connect(cell.bus_url), Acceptance(cell, "bus"))
    thread = threading.Thread(target=door.serve, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def as_admin(cell: Cell, statement: str) -> None:
    with psycopg.connect(cell.settings.database_admin_url or "", autocommit=True) as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(statement.format(database=(cell.settings.database_url or "").rpartition("/")[2]))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'headgate_app'")


def read_only(cell: Cell) -> None:
    as_admin(cell, "ALTER DATABASE {database} SET default_transaction_read_only = on")


def writable(cell: Cell) -> None:
    as_admin(cell, "ALTER DATABASE {database} RESET default_transaction_read_only")


def jobs(cell: Cell, tenant: str) -> list[str]:
    with cell.database.transaction(tenant) as connection:
        rows = connection.execute("SELECT event_id FROM tenant.jobs ORDER BY seq").fetchall()
    return [row["event_id"] for row in rows]


@pytest.fixture
def jobs_bus(cell: Cell) -> Iterator[Bus]:
    opened = bus.connect(cell.bus_url)
    yield opened
    opened.close()


def test_nothing_is_acknowledged_while_postgres_is_away_and_all_is_accepted_once_after(
    cell: Cell, jobs_bus: Bus
) -> None:
    key = cells.make_tenant(cell, "acme").secret
    jobs_bus.send([event("agent.turn", TURN, key, id=f"{number:02}") for number in range(20)])
    with without_postgres(cell) as broken:
        door = BusDoor(bus.connect(cell.bus_url), Acceptance(broken, "bus"))
        with pytest.raises(Unavailable):
            door.take()
        assert jobs_bus.depth() == 20
        stopping = threading.Event()
        stopping.set()
        door.serve(stopping)  # lets go of the bus
    door = BusDoor(bus.connect(cell.bus_url), Acceptance(cell, "bus"))
    assert door.take() == 20
    assert jobs(cell, "acme") == [f"{number:02}" for number in range(20)]
    assert jobs_bus.depth() == 0


def test_a_door_survives_its_connections_being_ended_under_it(cell: Cell, jobs_bus: Bus) -> None:
    """Postgres ends every connection of the door again and again while messages come."""
    key = cells.make_tenant(cell, "acme").secret
    wanted = [f"{number:03}" for number in range(300)]
    with serving(cell):
        for start in range(0, 300, 50):
            jobs_bus.send([event("agent.turn", TURN, key, id=name) for name in wanted[start : start + 50]])
            as_admin(cell, "SELECT 1")
        eventually(lambda: jobs_bus.depth() == 0, "the bus is empty")
    cell.close()
    assert jobs(cell, "acme") == wanted


def test_a_door_survives_a_ledger_that_refuses_to_write(cell: Cell, jobs_bus: Bus) -> None:
    """After a failover it may be read-only for a while: no fault of any message."""
    key = cells.make_tenant(cell, "acme").secret
    read_only(cell)
    reading = Cell(cell.settings)
    with serving(reading):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            accept(reading, event("agent.turn", TURN, key))
        jobs_bus.send([event("agent.turn", TURN, key, id="late")])
        writable(cell)
        eventually(lambda: jobs_bus.depth() == 0, "the message is acknowledged")
    assert jobs(reading, "acme") == ["late"]
    assert jobs_bus.refused(10) == []
    reading.close()


@pytest.mark.parametrize("trouble", ["closed", "away"])
def test_a_message_is_accepted_while_the_gate_is_in_trouble_and_offered_later(cell: Cell, trouble: str) -> None:
    key = cells.make_tenant(cell, "acme").secret
    if trouble == "closed":
        Redis.from_url(cell.settings.redis_url or "").flushall()
        troubled = cell
    else:
        troubled = Cell(cell.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    verdicts: list[Verdict] = accept(troubled, event("agent.turn", TURN, key, id="early"))
    assert verdicts[0].answer.type == "headgate.job.accepted"
    with cell.dispatcher.connection() as connection:
        (row,) = connection.execute("SELECT state, offered_at FROM tenant.jobs").fetchall()
    assert row == {"state": "waiting", "offered_at": None}
    if troubled is not cell:
        troubled.close()


def test_a_message_that_brings_up_what_nobody_thought_of_costs_only_itself(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = cells.make_tenant(cell, "acme").secret
    read = Requests.read

    def stumbling(self: Requests, body: bytes, principal: Principal | None = None) -> Request | Refusal:
        if b"stumble" in body:
            raise RecursionError
        return read(self, body, principal)

    monkeypatch.setattr(Requests, "read", stumbling)
    sender = bus.connect(cell.bus_url)
    sender.send([event("ops.probe", {}, key), b"stumble", event("ops.probe", {}, key)])
    door = BusDoor(bus.connect(cell.bus_url), Acceptance(cell, "bus"))
    assert eventually(door.take, "the batch is taken") == 3
    assert [orjson.loads(entry)["reason"] for entry in sender.refused(10)] == ["unprocessable"]
    with cell.database.transaction("acme") as connection:
        assert len(connection.execute("SELECT FROM tenant.jobs").fetchall()) == 2

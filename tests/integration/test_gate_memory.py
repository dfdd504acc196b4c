"""A gate that has lost its memory, or remembers an old one, is closed until it has been rebuilt."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.embedded import valkey
from shared.embedded.crew import crew
from shared.embedded.home import held, passwords
from shared.gate.gate import Gate, GateClosed
from shared.stores import redis
from tests.support.gates import LEASE, configuration, job

CELL = "main"


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="headgate-test-") as folder:
        yield Path(folder)


def a_redis(home: Path, use: Callable[[Gate], None]) -> None:
    """Start a Redis of our own, let a gate on it be used, and end it."""
    with held(home) as house, crew(house) as hands:
        secrets = passwords(house)
        client = redis.connect(valkey.url(secrets, valkey.start(hands, secrets)))
        use(Gate(client, CELL))
        client.close()


def open_gate(gate: Gate) -> None:
    assert gate.open(1, gate.run_id())
    gate.offer([job("a")])


def closed(gate: Gate) -> bool:
    """Whether every operation says so."""
    operations: list[Callable[[], object]] = [
        lambda: gate.offer([job("a")]),
        lambda: gate.claim("w", ["turns.pro"], LEASE),
        lambda: gate.renew("w", [], LEASE, slots=1, lanes=["turns.pro"]),
        lambda: gate.sweep("w"),
        lambda: gate.configure(configuration("a")),
        lambda: gate.waiting([("a", "turns.pro")]),
        gate.look,
    ]
    for operation in operations:
        with pytest.raises(GateClosed):
            operation()
    return not gate.is_open()


def test_a_gate_never_opened_is_closed(home: Path) -> None:
    def use(gate: Gate) -> None:
        assert closed(gate)

    a_redis(home, use)


def test_a_flushed_gate_is_closed(home: Path) -> None:
    def use(gate: Gate) -> None:
        open_gate(gate)
        gate._redis.flushall()
        assert closed(gate)

    a_redis(home, use)


def test_a_gate_whose_redis_came_back_with_its_old_memory_is_closed(home: Path) -> None:
    remembered: dict[bytes, bytes] = {}

    def before(gate: Gate) -> None:
        open_gate(gate)
        for key in gate._redis.scan_iter():
            remembered[key] = bytes(gate._redis.dump(key))  # type: ignore[arg-type]  # the client is synchronous

    def after(gate: Gate) -> None:
        for key, value in remembered.items():
            gate._redis.restore(key, 0, value)
        assert gate._redis.hget("hg:{main}:head", "epoch") == b"1"
        assert closed(gate)
        assert gate.open(2, gate.run_id())
        assert gate.claim("w", ["turns.pro"], LEASE).lease is None

    a_redis(home, before)
    a_redis(home, after)


def test_an_epoch_rebuilt_on_another_redis_is_not_put_in_force(home: Path) -> None:
    def use(gate: Gate) -> None:
        assert not gate.open(1, "0" * 40)
        assert closed(gate)

    a_redis(home, use)


def test_an_older_epoch_is_not_put_in_force(home: Path) -> None:
    def use(gate: Gate) -> None:
        assert gate.open(2, gate.run_id())
        assert not gate.open(1, gate.run_id())
        assert not gate.open(2, gate.run_id())
        assert gate.is_open()

    a_redis(home, use)


def test_a_script_that_redis_has_forgotten_is_taught_again(home: Path) -> None:
    def use(gate: Gate) -> None:
        open_gate(gate)
        gate._redis.script_flush()
        assert gate.claim("w", ["turns.pro"], LEASE).lease is not None

    a_redis(home, use)

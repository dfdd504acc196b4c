"""A gate that has lost its memory, or remembers an old one, is closed until it has been rebuilt."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.contracts.kinds import Family
from shared.embedded import valkey
from shared.embedded.crew import crew
from shared.embedded.home import held, passwords
from shared.errors import Unavailable
from shared.gate.gate import Gate, GateClosed, GateFull
from shared.gate.values import Ending
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
    assert gate.open(1, gate.memory())
    gate.offer([job("a")])


def operations(gate: Gate) -> list[Callable[[], object]]:
    return [
        lambda: gate.offer([job("a")]),
        lambda: gate.claim("w", ["turns.pro"], LEASE),
        lambda: gate.renew("w", [], LEASE, slots=1, lanes=["turns.pro"]),
        lambda: gate.sweep("w"),
        lambda: gate.configure(configuration("a")),
        lambda: gate.waiting([("a", Family.TURNS)]),
        gate.look,
    ]


def closed(gate: Gate) -> bool:
    """Whether every operation says so."""
    for operation in operations(gate):
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
        gate._calls._redis.flushall()
        assert closed(gate)

    a_redis(home, use)


def test_a_gate_whose_redis_came_back_with_its_old_memory_is_closed(home: Path) -> None:
    remembered: dict[bytes, bytes] = {}

    def before(gate: Gate) -> None:
        open_gate(gate)
        for key in gate._calls._redis.scan_iter():
            remembered[key] = bytes(gate._calls._redis.dump(key))  # type: ignore[arg-type]  # the client is synchronous

    def after(gate: Gate) -> None:
        for key, value in remembered.items():
            gate._calls._redis.restore(key, 0, value)
        assert str(gate._calls._redis.get("hg:{main}:head")).endswith(":1'")
        assert closed(gate)
        assert gate.open(2, gate.memory())
        assert gate.claim("w", ["turns.pro"], LEASE).lease is None

    a_redis(home, before)
    a_redis(home, after)


def test_an_epoch_rebuilt_on_another_redis_is_not_put_in_force(home: Path) -> None:
    def use(gate: Gate) -> None:
        assert not gate.open(1, b"0" * 40)
        assert closed(gate)

    a_redis(home, use)


def test_an_older_epoch_is_not_put_in_force(home: Path) -> None:
    def use(gate: Gate) -> None:
        assert gate.open(2, gate.memory())
        assert not gate.open(1, gate.memory())
        assert not gate.open(2, gate.memory())
        assert gate.is_open()

    a_redis(home, use)


def test_operations_that_redis_has_forgotten_are_loaded_again(home: Path) -> None:
    def use(gate: Gate) -> None:
        open_gate(gate)
        gate._calls._redis.function_flush()
        assert gate.claim("w", ["turns.pro"], LEASE).lease is not None

    a_redis(home, use)


def test_a_full_redis_takes_no_offers_and_goes_on_with_the_rest(home: Path) -> None:
    def use(gate: Gate) -> None:
        open_gate(gate)
        gate._calls._redis.config_set("maxmemory", "1mb")  # less than it uses when empty
        with pytest.raises(GateFull, match="maxmemory"):
            gate.offer([job("a")])
        lease = gate.claim("w", ["turns.pro"], LEASE).lease
        assert lease is not None
        assert gate.renew("w", [lease], LEASE, slots=1, lanes=["turns.pro"]).lost == set()
        assert gate.sweep("w").fields["swept"]
        assert gate.release(Ending(lease, 1.0)).held

    a_redis(home, use)


def test_a_redis_that_became_a_replica_is_away(home: Path) -> None:
    def use(gate: Gate) -> None:
        open_gate(gate)
        gate._calls._redis.replicaof("127.0.0.1", 1)
        for operation in operations(gate):
            with pytest.raises(Unavailable):
                operation()

    a_redis(home, use)

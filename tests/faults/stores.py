"""Servers that lose their memory, die, come back, or are full."""

import threading

from tests.faults.fault import Fault
from tests.faults.scene import Scene

#: Seconds for which a server that died is away, or a full one stays full.
AWAY = 1.0


def gate_flushed(scene: Scene) -> int:
    """FLUSHALL: the gate forgets everything, while the permits stay on the broker."""
    scene.cell.redis.flushall()
    return 1


def gate_and_broker_flushed(scene: Scene) -> int:
    """Both forget everything, the gate a moment after the broker, or before."""
    servers = [scene.gate, scene.broker]
    scene.random.shuffle(servers)
    for server in servers:
        with server.client as client:
            client.flushall()
    return 1


def gate_restarted_empty(scene: Scene) -> int:
    """The gate's Redis dies of kill -9, is away for a second, and comes back knowing nothing."""
    scene.gate.kill()
    threading.Event().wait(AWAY)
    scene.gate.come_back()
    return 1


def gate_restarted_stale(scene: Scene) -> int:
    """It comes back believing what it knew two seconds ago: leases that are over, jobs that are done."""
    scene.gate.dump()
    threading.Event().wait(2 * AWAY)
    hit = int(scene.live())
    scene.gate.kill()
    scene.gate.come_back(empty=False)
    return hit


def gate_full(scene: Scene) -> int:
    """No room for anything new in the gate's Redis (`maxmemory`, noeviction), for a second; then it is given more."""
    return _full(scene, "gate")


def broker_full(scene: Scene) -> int:
    """The same with the broker's: permits and answers are refused."""
    return _full(scene, "broker")


def broker_restarted_empty(scene: Scene) -> int:
    """The broker dies of kill -9, is away for a second, and comes back without a permit."""
    scene.broker.kill()
    threading.Event().wait(AWAY)
    scene.broker.come_back()
    return 1


def permits_lost(scene: Scene) -> int:
    """The broker forgets every permit, while the gate believes in them."""
    with scene.broker.client as broker:
        broker.delete(*scene.lanes)
    return 1


def postgres_restarted_at_once(scene: Scene) -> int:
    """Postgres is restarted in immediate mode: every session is cut off in the middle of whatever it did."""
    scene.postgres.restart_at_once()
    return 1


def _full(scene: Scene, which: str) -> int:
    with getattr(scene, which).client as server:
        server.config_set("maxmemory", 1)
        threading.Event().wait(AWAY)
        server.config_set("maxmemory", 0)
    return 1


FAULTS = (
    Fault(gate_flushed),
    Fault(gate_and_broker_flushed),
    Fault(gate_restarted_empty),
    Fault(gate_restarted_stale),
    Fault(gate_full),
    Fault(broker_full),
    Fault(broker_restarted_empty),
    Fault(permits_lost),
    Fault(postgres_restarted_at_once),
)

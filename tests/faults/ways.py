"""Connections between workers and servers that are cut, or that go silent while both ends believe in them."""

from dataclasses import replace

from tests.faults.fault import Fault, Server
from tests.faults.scene import Scene
from tests.support.warm import Hook

#: A silent connection to Postgres is given up after so many seconds in this row, and by Postgres; 40 and 30 in life.
IMPATIENT: Hook = ("tests.faults.hooks:impatient", {"seconds": 5.0})


def _cut(server: Server) -> Fault:
    def cut(scene: Scene) -> int:
        return min(1, scene.ways[server].cut())

    return Fault(cut, called=f"{server}_connections_cut", through=(server,))


def _silent(server: Server) -> Fault:
    def silence(scene: Scene) -> int:
        return min(1, scene.ways[server].silence())

    hooks = (IMPATIENT,) if server == "postgres" else ()
    return Fault(silence, called=f"{server}_connections_half_open", through=(server,), hooks=hooks)


def _on_rabbitmq(fault: Fault) -> Fault:
    return replace(fault, called=fault.name.replace("broker", "rabbitmq"), rabbitmq=True)


SERVERS: tuple[Server, ...] = ("gate", "broker", "postgres")

FAULTS = (
    *map(_cut, SERVERS),
    *map(_silent, SERVERS),
    _on_rabbitmq(_cut("broker")),
    _on_rabbitmq(_silent("broker")),
)

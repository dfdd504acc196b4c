"""Connections between workers and servers that are cut, or that go silent while both ends believe in them."""

from tests.faults.fault import Fault, Server
from tests.faults.scene import Scene


def _cut(server: Server) -> Fault:
    def cut(scene: Scene) -> int:
        return min(1, scene.ways[server].cut())

    return Fault(cut, called=f"{server}_connections_cut", through=(server,))


def _silent(server: Server) -> Fault:
    def silence(scene: Scene) -> int:
        return min(1, scene.ways[server].silence())

    return Fault(silence, called=f"{server}_connections_half_open", through=(server,))


SERVERS: tuple[Server, ...] = ("gate", "broker", "postgres")

FAULTS = (*map(_cut, SERVERS), *map(_silent, SERVERS))

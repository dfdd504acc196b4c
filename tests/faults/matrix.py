"""The faults, by name. Each strikes from outside: a signal to a real process, a command to a real server."""

from collections.abc import Mapping

from redis import Redis

from tests.faults.row import LANES, Scene, Strike


def worker_killed(scene: Scene) -> None:
    """One of the two workers dies of kill -9; another takes its place."""
    scene.workers.pop(0).kill()
    scene.start_worker()


def all_workers_killed(scene: Scene) -> None:
    """Every worker dies at once; two others start."""
    while scene.workers:
        scene.workers.pop().kill()
    scene.start_worker()
    scene.start_worker()


def gate_flushed(scene: Scene) -> None:
    """The gate's Redis loses everything it knew, and the broker with it."""
    scene.cell.redis.flushall()


def permits_lost(scene: Scene) -> None:
    """The broker forgets its queues while the gate believes in the permits on them."""
    Redis.from_url(scene.cell.broker_url).delete(*LANES)


FAULTS: Mapping[str, Strike] = {
    fault.__name__: fault for fault in (worker_killed, all_workers_killed, gate_flushed, permits_lost)
}

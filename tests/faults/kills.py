"""Workers that die, or that sleep and wake as zombies."""

import signal
import threading

from tests.faults.fault import LIGHT, Fault
from tests.faults.scene import Scene
from tests.support.cells import LEASE
from tests.support.turning import says, wants

#: What the model says in a turn of three calls, one of which asks for a tool that the agent has not.
LONG = (wants(("search_knowledge", {"query": "what grows"})), wants(("remember", {})), says("It grows there."))


def worker_killed(scene: Scene) -> int:
    """One of the two workers dies of kill -9; another takes its place."""
    scene.workers[0].kill()
    return scene.tend()


def child_killed(scene: Scene) -> int:
    """A child of a prefork pool dies of kill -9 in the middle of its job; its parent forks another."""
    scene.random.choice(scene.workers[0].children()).kill()
    return 1


def parent_killed(scene: Scene) -> int:
    """The parent of a prefork pool dies; its children find that out by themselves. Another worker takes its place."""
    scene.workers[0].kill_alone()
    return scene.tend()


def all_workers_killed(scene: Scene) -> int:
    """Every worker dies at once; others take their places."""
    for worker in scene.workers:
        worker.kill()
    return min(1, scene.tend())


def worker_killed_every_two_seconds(scene: Scene) -> int:
    """Whether or not anything has recovered."""
    return worker_killed(scene)


def long_turns_killed(scene: Scene) -> int:
    """A worker of turns of three model calls and two tools dies of kill -9; another takes its place."""
    return worker_killed(scene)


def worker_asleep_past_its_lease(scene: Scene) -> int:
    """SIGSTOP until its jobs are another's, then SIGCONT: what the zombie still writes is fenced off."""
    worker = scene.workers[0]
    worker.process.send_signal(signal.SIGSTOP)
    threading.Event().wait(LEASE + 1.0)
    worker.process.send_signal(signal.SIGCONT)
    scene.workers.append(scene.workers.pop(0))
    return 1


FAULTS = (
    Fault(worker_killed),
    Fault(child_killed, pool="prefork"),
    Fault(parent_killed, pool="prefork"),
    Fault(all_workers_killed),
    Fault(worker_killed_every_two_seconds, every=2.0),
    Fault(long_turns_killed, rate=LIGHT, model={"script": LONG}),
    Fault(worker_asleep_past_its_lease),
)

"""Messages that come twice and out of order, and a door that dies over them; a job that kills whoever runs it."""

from tests.faults.fault import Fault
from tests.faults.scene import Scene


def messages_repeated(scene: Scene) -> int:
    """Each message comes twice, in another order the second time; and some once more, long after."""
    scene.traffic.again()
    return 1


def door_killed(scene: Scene) -> int:
    """The bus door dies of kill -9 over a batch; another takes its place and gets the batch again."""
    messages_repeated(scene)
    for door in scene.doors:
        door.kill()
    scene.doors.clear()
    scene.start_door()
    return 1


def poison(scene: Scene) -> int:
    """Look how many workers have died of the jobs that kill them, and let others take their places."""
    killed = scene.kills()
    scene.tend()
    return killed


FAULTS = (
    Fault(messages_repeated, by_bus=True),
    Fault(door_killed, by_bus=True),
    Fault(poison, by_itself=True, poisoned=4, settings={"failures_allowed": 5}),
    Fault(
        poison, by_itself=True, called="poison_in_a_child", pool="prefork", poisoned=4, settings={"failures_allowed": 3}
    ),
)

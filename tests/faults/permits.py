"""Permits that vanish on their way. Those on a queue could be taken off it, but under light traffic none lie there."""

from collections.abc import Mapping

from shared.lanes import PermitPublisher
from tests.faults.fault import LIGHT, Fault
from tests.faults.scene import Scene


class Forgetful(PermitPublisher):
    """Every other permit that this door owes is never sent; the gate believes that it was."""

    def __init__(self, broker_url: str) -> None:
        super().__init__(broker_url)
        self.owed = self.lost = 0

    def publish(self, permits: Mapping[str, int]) -> None:
        sent = {}
        for lane, missing in permits.items():
            sent[lane] = (self.owed + missing) // 2 - self.owed // 2
            self.owed += missing
            self.lost += missing - sent[lane]
        super().publish(sent)


def half_of_the_permits_lost(scene: Scene) -> int:
    """Look how many of the permits of the jobs that arrive, few at a time, have not been sent."""
    door = scene.cell.permits
    assert isinstance(door, Forgetful)
    lost, door.lost = door.lost, 0
    return lost if scene.live() else 0


FAULTS = (Fault(half_of_the_permits_lost, by_itself=True, rate=LIGHT, permits=Forgetful),)

"""Workers that die between two operations, at named points: each kills itself there, with whatever else it runs."""

from typing import get_args

from shared.failpoints import Point
from tests.faults.fault import LOOK, Fault
from tests.faults.scene import Scene


def killed(scene: Scene) -> int:
    """Look which workers have died at the point, and let others take their places."""
    met = scene.kills() if scene.live() else 0
    scene.tend()
    return met


FAULTS = tuple(Fault(killed, called=f"killed_{point}", point=point, every=LOOK) for point in get_args(Point))

"""Workers that die between two operations, at named points: each kills itself there, with whatever else it runs."""

from collections.abc import Mapping
from typing import get_args

from shared.failpoints import Point
from tests.faults.fault import Fault
from tests.faults.scene import Scene


def killed(scene: Scene) -> int:
    """Look which workers have died at the point, and let others take their places."""
    met = scene.kills() if scene.live() else 0
    scene.tend()
    return met


#: A slot that goes on with *next* hardly ever claims.
CLAIMING: Mapping[Point, Mapping[str, float]] = {"after_claim": {"run_on_seconds": 0.0}}

FAULTS = tuple(
    Fault(killed, called=f"killed_{point}", point=point, by_itself=True, settings=CLAIMING.get(point, {}))
    for point in get_args(Point)
)

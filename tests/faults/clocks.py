"""Clocks that are wrong: that of the gate's Redis, and a worker's."""

from collections.abc import Mapping
from typing import Any

from shared.gate import keys
from tests.faults.fault import Fault
from tests.faults.scene import Scene
from tests.support.cells import LEASE

#: Seconds by which a clock is off.
HOUR = 3600.0


def gate_clock_stepped(scene: Scene) -> int:
    """Redis's clock leaps an hour ahead, or back to where it was: every lease ends at once, or much later."""
    key = f"{keys.prefix(scene.cell.settings.cell)}offset"
    ahead = float(scene.cell.redis.get(key) or 0)
    scene.cell.redis.set(key, 0 if ahead else round(HOUR * 1000))
    return 1


def gate_clock_nudged(scene: Scene) -> int:
    """Redis's clock moves by two leases, ahead or back, each time."""
    key = f"{keys.prefix(scene.cell.settings.cell)}offset"
    scene.cell.redis.incrby(key, scene.random.choice((-1, 1)) * round(2 * LEASE * 1000))
    return 1


def worker_clock_off(scene: Scene) -> int:
    """A worker dies whose place is taken by one that is an hour ahead, or behind; its calls fail now and then."""
    scene.workers.pop(0).kill()
    off = scene.random.choice((-HOUR, HOUR))
    scene.start_worker(("tests.faults.hooks:wrong_clock", {"seconds": off}))
    return 1


#: Jobs take longer than two sweeps lie apart, so that a sweep meets them when the clock has leapt.
LONG: Mapping[str, Any] = {"latency": 1.5}

#: Now and then the model fails, so that jobs wait for their backoff by somebody's clock.
FAILING: Mapping[str, Any] = {"faults": [{"fault": "500", "after": after, "times": 20} for after in (20, 60, 100)]}

FAULTS = (
    Fault(gate_clock_stepped, gate_clock=True, slots=16, model=LONG),
    Fault(gate_clock_nudged, gate_clock=True, slots=16, model=LONG),
    Fault(worker_clock_off, model=FAILING),
)

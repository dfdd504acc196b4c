"""A model that is slow, hangs, refuses, fails, or whose answers are lost on the way."""

from collections.abc import Mapping
from typing import Any

from tests.faults.fault import Fault
from tests.faults.scene import Scene
from tests.support.cells import LEASE
from tests.support.warm import Hook

#: The model lets so many calls pass and then strikes so many, again and again: a quarter of the calls of a row.
PASS, STRIKE, ROUNDS = 12, 3, 30

#: A call is given up after so many seconds in these rows; two minutes in life.
SHORT: Hook = ("tests.faults.hooks:short_calls", {"seconds": 2.0})


def model_struck(scene: Scene) -> int:
    """Look how often the model has struck; each call is made under a live lease."""
    return scene.strikes_of_the_model()


def model_slow(scene: Scene) -> int:
    """The model now takes longer than a lease lasts, now answers at once: leases are renewed meanwhile."""
    slow = scene.model.settings().latency < LEASE
    scene.model.settings(latency=1.3 * LEASE if slow else 0.0)
    return int(slow)


def _struck(name: str, fault: str, **more: Any) -> Fault:
    """A rule does not see the calls that those before it strike, so it counts what all of them let pass."""
    rules = [{"fault": fault, "after": PASS * (turn + 1), "times": STRIKE, **more} for turn in range(ROUNDS)]
    model: Mapping[str, Any] = {"faults": rules, "hold_seconds": 60.0}
    return Fault(model_struck, called=name, model=model, hooks=(SHORT,), by_itself=True)


FAULTS = (
    Fault(model_slow, slots=16, every=LEASE),
    _struck("model_rate_limited", "429", retry_after=0.5),
    _struck("model_broken", "500"),
    _struck("model_hangs", "hang"),
    _struck("model_answers_lost", "lost"),
    _struck("model_answers_cut", "cut"),
    _struck("model_drips", "slow"),
)

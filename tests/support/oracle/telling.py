"""Telling stories about the gate until one shows that it is not what its specification says."""

from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.oracle.story import Story

#: Most jobs that one sweep moves here: few, so that it does not always come to an end.
SWEEP_LIMIT = 3


def tell(story: type[Story], redis_url: str, examples: int, steps: int, *, shrink: bool = True) -> None:
    """Fails with a story in which gate and model part; with the shortest, where it may be told again and again."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=list(HealthCheck),
    )
    with patch("shared.gate.gate.SWEEP_LIMIT", SWEEP_LIMIT):
        run_state_machine_as_test(type("Told", (story,), {"url": redis_url}), settings=chosen)

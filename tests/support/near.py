"""Numbers that are the same but for rounding."""

from collections.abc import Mapping
from math import isclose


def same(told: float | None, expected: float | None, within: float = 1e-6) -> bool:
    """Or both are not there."""
    if told is None or expected is None:
        return told is expected
    return isclose(told, expected, rel_tol=0.0, abs_tol=within)


def all_same(told: Mapping[str, float], expected: Mapping[str, float], within: float = 1e-6) -> bool:
    return told.keys() == expected.keys() and all(same(told[name], expected[name], within) for name in told)

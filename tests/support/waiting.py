"""Waiting for what must happen: on its sign, never for a time that somebody thought would do."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]

T = TypeVar("T")

#: Seconds within which anything that is waited for in tests must happen; generous, for machines are slow and noisy.
PATIENCE = 60.0


def eventually(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What `look` answers once that is true; fails, naming `what`, after a generous bound."""
    until = time.monotonic() + patience
    while not (seen := look()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {patience:g} s: {what}")
        time.sleep(0.01)
    return seen

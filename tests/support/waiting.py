"""Waiting for what must happen: on its sign, never for a time that somebody thought would do."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]

T = TypeVar("T")

#: Seconds within which anything that is waited for in tests must happen; generous, for machines are slow and noisy.
PATIENCE = 60.0

#: Seconds between two looks, at least and at most. In between it is a twentieth of what was waited already, so that who
#: waits long takes little CPU from whom it waits for, and hears of it at most so much later.
OFTEN, SELDOM = 0.01, 0.05


def eventually(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What `look` answers once that is true; fails, naming `what`, after a generous bound."""
    began = time.monotonic()
    while not (seen := look()):
        waited = time.monotonic() - began
        if waited > patience:
            raise AssertionError(f"not within {patience:g} s: {what}")
        time.sleep(min(max(waited / 20, OFTEN), SELDOM))
    return seen

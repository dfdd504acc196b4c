"""Where time comes from. Everything that asks for the time is given a clock, so that tests can set it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

#: Answers the present moment, always in UTC.
Clock = Callable[[], datetime]

#: Answers seconds that only ever grow; for measuring, never for dates.
Monotonic = Callable[[], float]

monotonic: Monotonic = time.monotonic


def now() -> datetime:
    return datetime.now(UTC)

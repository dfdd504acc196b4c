"""Where time comes from: nothing else asks the system for it.

What has to be told another time by tests is given a clock; the rest asks here, as `clock.now()`, so that a test can set
it for all of them.
"""

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

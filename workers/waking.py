"""Telling Celery's event loop that a slot is free.

With prefetching off, the loop takes no permit while all slots are busy, and it sleeps up to a second before it looks
again; a slot that a thread frees meanwhile would stand empty beside waiting permits. So the thread that frees it writes
one byte to a pipe that the loop watches. Idle, this costs nothing.
"""

import os
from typing import Any

#: Seconds after a wake-up at which the loop looks again: Celery counts a slot as free a moment after its job returned.
LOOKS = (0.002, 0.02)

#: Bytes read at once; wake-ups that come together are one.
DRAIN = 4096


class Waker:
    """One pipe, for as long as the process lives; `watch` is called for each event loop that Celery starts."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)

    def wake(self) -> None:
        """From any thread."""
        try:
            os.write(self._in, b"\0")
        except BlockingIOError:  # the pipe is full: the loop has been told often enough
            return

    def watch(self, hub: Any) -> None:
        """`hub` is kombu's event loop."""

        def awake() -> None:
            os.read(self._out, DRAIN)
            for seconds in LOOKS:
                hub.call_later(seconds, _look)

        hub.add_reader(self._out, awake)


def _look() -> None:
    """Nothing: every round of the loop looks for permits by itself."""

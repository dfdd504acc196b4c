"""An event loop in the background of a process, for SDKs that know no other way to wait.

Slots are threads and call as if they waited themselves: within their bounds, and what they no longer wait for is
cancelled. The loop begins with the first call, and a process that was forked begins its own.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from typing import Any, TypeVar

from shared.process import of_process
from workers.network.bounds import Bounds, CallsUntil

#: Seconds that what was cancelled may take to clean up before it is cancelled again.
CLEANING = 1.0

Result = TypeVar("Result")

#: Begins what is waited for, once the loop has come to it.
Work = Callable[[], Coroutine[Any, Any, Result]]


class Background:
    """Of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Work[Result], seconds: float, calls_until: CallsUntil) -> Result:
        """What the work comes to; raises as `Bounds.patience` does where it takes too long or may not go on."""
        bounds = Bounds(seconds, calls_until)
        future = asyncio.run_coroutine_threadsafe(_supervised(work), self._running())
        try:
            while not future.done():
                wait([future], bounds.patience())
        except BaseException:
            future.cancel()
            raise
        return future.result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="headgate-background", daemon=True).start()
                self._loop = loop  # not before it runs, for there may be no thread for it
            return self._loop


async def _supervised(work: Work[Result]) -> Result:
    """The work, which is surely ended once nobody waits for it: cleaning up may not take for ever either."""
    task = asyncio.ensure_future(work())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLEANING)
        if not task.cancelled():
            task.exception()  # nobody asks any more; asyncio would complain that nobody did
        raise


@of_process
def background() -> Background:
    """This process's own."""
    return Background()

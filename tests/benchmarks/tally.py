"""When tasks that do nothing were run: noted in the worker that runs them, told in batches from a thread of its own.

Noting costs a task about a tenth of a microsecond, whichever worker it is; a note through Redis for each would cost
more than the task.
"""

import threading
import time

from redis import Redis

from tests.support.workers import PATIENCE, eventually

#: Seconds between two tellings.
TELL = 0.05

KEY = "headgate-benchmark:tally"


class Tally:
    """In the worker."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)
        self._noted: list[float] = []
        threading.Thread(target=self._tell, name="tally", daemon=True).start()

    def note(self) -> None:
        """From any thread: a task runs now."""
        self._noted.append(time.time())

    def _tell(self) -> None:
        while True:
            threading.Event().wait(TELL)
            if told := self._noted[:]:
                self._redis.rpush(KEY, *told)
                del self._noted[: len(told)]


class Tallied:
    """In the benchmark."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)

    def begin(self) -> float:
        """Forget what was told; answers the time, in seconds since 1970."""
        self._redis.delete(KEY)
        return time.time()

    def all(self, tasks: int) -> list[float]:
        """When each of so many tasks ran, once all have, in order."""
        eventually(lambda: self._redis.llen(KEY) >= tasks, f"{tasks} tasks have run", patience=2 * PATIENCE)
        return sorted(map(float, self._redis.lrange(KEY, 0, -1)))

    def close(self) -> None:
        self._redis.delete(KEY)
        self._redis.close()


def per_second(times: list[float], since: float) -> float:
    """Tasks per second, from `since` to the last of them; the times in order."""
    if times[0] < since:
        raise AssertionError(f"a task ran {since - times[0]:.3f} s before it was let go")
    return len(times) / (times[-1] - since)

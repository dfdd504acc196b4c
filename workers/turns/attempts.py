"""Attempts at what may hang: code that is not Headgate's own, and the time that it may take.

A thread cannot be ended from outside. So what may hang runs in a thread of its own that nobody needs: when its time is
over it is left behind, and whatever it still comes to is not looked at. The weakness: a thread that is left behind goes
on until its code ends by itself. They are counted, and where they are too many, no more of their kind are begun.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from shared.clock import monotonic
from shared.errors import HeadgateError
from shared.telemetry import metrics

#: Threads that one run has at once: a round of so many calls is over when its slowest is.
PARALLEL = 8

#: Threads of a process that may be left behind before it begins no more that may hang: some 64 MB of stacks and more.
MOST_LEFT_BEHIND = 64

#: Longest wait in seconds before the guard is asked again.
SLICE = 0.5

Made = TypeVar("Made")


class TookTooLong(HeadgateError):  # noqa: N818 - it names what happened
    """Code was not done within its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"took longer than {seconds:g} seconds")


class Exited(HeadgateError):  # noqa: N818 - as above
    """Code that tried to end more than itself: the process, or a task that it is not in."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"tried to end the process that it runs in, by {type(error).__name__}")


@dataclass(frozen=True)
class Work(Generic[Made]):
    """What is to be done under a name, in `seconds` at most."""

    name: str
    do: Callable[[], Made]
    seconds: float


class Attempt(threading.Thread, Generic[Made]):
    """Work in a thread of its own, which tells when it is done."""

    def __init__(self, work: Work[Made], ended: "SimpleQueue[Attempt[Made]]") -> None:
        super().__init__(name=f"attempt {work.name}", daemon=True)
        self.work, self._ended = work, ended
        self.overdue_at = monotonic() + work.seconds
        self.left_behind = False
        self._made: list[Made] = []
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._made.append(self.work.do())
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits, which judges it
            self._error = error
        except BaseException as error:  # noqa: BLE001 - an exit, an interrupt, a cancellation: nobody's but this thread's
            self._error = Exited(error)
        self._ended.put(self)

    def leave(self) -> None:
        self.left_behind = True

    def result(self) -> Made:
        """What came of it; raises what the work raised, `Exited` or `TookTooLong`."""
        if self.left_behind:
            raise TookTooLong(self.work.seconds)
        if self._error is not None:
            raise self._error
        return self._made[0]


def together(works: Sequence[Work[Made]], guard: Callable[[], None]) -> Generator[Attempt[Made], None, None]:
    """The attempts, each as soon as it has ended or its time is over. Close it.

    Raises what the guard raises, but first hands over those that have ended by then: what they did is done.
    """
    waiting, running = deque(works), set[Attempt[Made]]()
    ended: SimpleQueue[Attempt[Made]] = SimpleQueue()
    try:
        while waiting or running:
            while waiting and len(running) < PARALLEL:
                attempt = Attempt(waiting.popleft(), ended)
                running.add(attempt)
                attempt.start()
            for over in _over(running, ended):
                running.remove(over)
                yield over
            guard()
    except (Exception, SystemExit):
        yield from _ended_by_now(running, ended)
        raise
    finally:
        for attempt in running:
            attempt.leave()


def alone(work: Work[Made], guard: Callable[[], None]) -> Made:
    """What comes of this work; raises what it raises, what the guard raises, `Exited` or `TookTooLong`."""
    with closing(together([work], guard)) as attempts:
        return next(attempts).result()


def left_behind() -> int:
    """The threads of this process that outlived their time and still run."""
    return sum(isinstance(thread, Attempt) and thread.left_behind for thread in threading.enumerate())


def too_many_hang() -> bool:
    """Whether no more may be begun that may hang as well."""
    return left_behind() >= MOST_LEFT_BEHIND


def _ended_by_now(
    running: set[Attempt[Made]], ended: "SimpleQueue[Attempt[Made]]"
) -> Generator[Attempt[Made], None, None]:
    """Those that nobody has looked at yet."""
    while not ended.empty():
        if (attempt := ended.get()) in running:
            running.remove(attempt)
            yield attempt


def _over(running: set[Attempt[Made]], ended: "SimpleQueue[Attempt[Made]]") -> Sequence[Attempt[Made]]:
    """The next that ended, after a wait, or those whose time is over; one that was left behind counts no more."""
    soonest = min(attempt.overdue_at for attempt in running)
    try:
        attempt = ended.get(timeout=max(0.0, min(SLICE, soonest - monotonic())))
    except Empty:
        late = [attempt for attempt in running if attempt.overdue_at <= monotonic()]
        for attempt in late:
            attempt.leave()
        return late
    return [attempt] if attempt in running else []


metrics.TOOLS_LEFT_BEHIND.set_function(left_behind)

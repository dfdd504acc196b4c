"""What a process has one of: made when it is first asked for, and anew in a process that was forked from this one.

Threads, sockets and locks don't survive a fork. What holds some is therefore made by a function under `of_process`, and
nothing is made by an import.
"""

import os
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Made = TypeVar("Made")


class OfProcess(Generic[Made]):
    """Answers the one that this process has; whoever asks while it is made waits for it."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def __call__(self) -> Made:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    def forget(self) -> None:
        """Whoever asks next has it made anew. The lock too: another thread may have held it when this one forked."""
        self._lock, self._made = Lock(), list[Made]()


def of_process(make: Callable[[], Made]) -> OfProcess[Made]:
    """Of a function without arguments: what it makes is made once in a process."""
    return OfProcess(make)

"""What bounds a call while it waits: how long it may take, and whether its run may still go on.

A time limit on each read is no limit on a call: a provider that sends a byte a second keeps it up for ever. And a run
whose lease is over, or whose job is cancelled, must not go on spending. So whatever waits on the network
(`workers.network.wire`) waits in slices, and asks here between two of them. The call that a thread is making is known
by a context variable, for between the SDK that makes it and the socket that waits there is no way to pass it on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.clock import monotonic
from shared.errors import HeadgateError
from workers.interruption import Interrupted

#: Longest wait in seconds before the run is asked again: a call that must end does so within this. To wake a hundred
#: calls that wait this often was measured to take about 1 % of a core.
SLICE = 1.0

#: Shortest wait in seconds: one at whose end the run knows of the moment that was waited for.
SHORTEST = 0.001

#: Most bytes that come as the answer of a call, on the wire: whole, where all of it is in memory at once, and in
#: pieces, each of which takes some 250 bytes a token. Sixty-four vectors of 4,096 numbers, written out, are 6 MB.
WHOLE, STREAMED = 16 * 2**20, 64 * 2**20

#: Answers until when (monotonic seconds) a call surely may go on; raises `Interrupted` where it may not.
CallsUntil = Callable[[], float]


class Overdue(HeadgateError):  # noqa: N818 - it names what happened
    """A call took longer than it may. `sent`: its request had gone out, at least in part."""

    def __init__(self, seconds: float, *, sent: bool) -> None:
        super().__init__(f"no whole answer within {seconds:g} seconds")
        self.sent = sent


class TooMuch(HeadgateError):  # noqa: N818 - as above
    """A call was answered with more bytes than are taken in; what came is thrown away."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"the answer has more than {most_bytes} bytes")
        self.sent = True


class Bounds:
    """Of one call. `sent` once the first byte of its request may have gone out."""

    def __init__(self, seconds: float, calls_until: CallsUntil, most_bytes: int = WHOLE) -> None:
        self._seconds, self._calls_until, self._most_bytes = seconds, calls_until, most_bytes
        self._bytes = 0
        self._overdue_at = monotonic() + seconds
        self.sent = False

    def took(self, number: int) -> None:
        """So many bytes have come; raises where that is too much."""
        self._bytes += number
        if self._bytes > self._most_bytes:
            raise TooMuch(self._most_bytes)

    def patience(self) -> float:
        """Seconds for which the call may wait before it asks again; raises where it must end."""
        try:
            until = self._calls_until()
        except Interrupted as stop:
            raise Interrupted(stop.why, sent=self.sent) from stop
        now = monotonic()
        if now >= self._overdue_at:
            raise Overdue(self._seconds, sent=self.sent)
        return max(SHORTEST, min(SLICE, until - now, self._overdue_at - now))


_bounds: ContextVar[Bounds] = ContextVar("headgate_call_bounds")


@contextmanager
def bounded(seconds: float, calls_until: CallsUntil, *, most_bytes: int = WHOLE) -> Iterator[None]:
    """What this thread sends and waits for meanwhile is one call, of so many seconds and bytes at most."""
    token = _bounds.set(Bounds(seconds, calls_until, most_bytes))
    try:
        yield
    finally:
        _bounds.reset(token)


def current() -> Bounds:
    """Of the call that this thread is making; there is no way to the provider outside of one."""
    return _bounds.get()

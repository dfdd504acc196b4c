"""Following a turn to its end, which is heard in any case: from its stream, or from where else ends are told.

A stream may lack the end of its turn: the server was away, or nobody asked for a stream. And it may tell an end that
was none, where an operator let a job run again that had ended badly.
"""

from collections.abc import Callable, Iterator

from shared.clock import monotonic
from shared.contracts.answers import FinishedData
from shared.contracts.events import TurnEvent, TurnFinished
from shared.errors import Unavailable
from shared.streams.reader import BEGINNING, Reader

#: Seconds of silence on a stream after which it is asked elsewhere whether the turn is over.
LOOK = 1.0

#: Seconds for which a stream may yet tell what came before an end that was told elsewhere.
LATE = 0.5

#: Seconds for which the result is waited for that did not fit into the stream's own end.
RESULT = 5.0

#: The end of the job, if it is heard of within so many seconds.
Ended = Callable[[float], FinishedData | None]


class Listening:
    """One reading of one stream. `away`: why it could not be read the last time, or None."""

    def __init__(self, reader: Reader, key: str, ended: Ended, *, after: str = BEGINNING) -> None:
        self._reader, self._key, self._ended = reader, key, ended
        self.after, self._run = after, 0
        self.away: Unavailable | None = None

    def events(self, timeout: float) -> Iterator[TurnEvent]:
        """What follows, to `TurnFinished`, or until `timeout` seconds are over."""
        until = monotonic() + timeout
        while True:
            left, before = max(0.0, until - monotonic()), self.after
            for event in self._read(min(LOOK, left)):
                if isinstance(event, TurnFinished):
                    yield self._whole(event, min(until, monotonic() + RESULT))
                    return
                yield event
            if self.after != before:
                continue
            if end := self._ended(min(LOOK, left) if self.away else 0.0):
                yield from self._last(end)
                return
            if not left:
                return

    def _read(self, wait: float) -> list[TurnEvent]:
        """The next events, without ends that are void: a newer run has told something since."""
        heard = self._batch(wait)
        while heard and isinstance(heard[-1], TurnFinished) and (more := self._batch(0)):
            heard += more
        self._run = max([self._run, *(event.run for event in heard)])
        return [event for event in heard if not isinstance(event, TurnFinished) or event.run >= self._run]

    def _batch(self, wait: float) -> list[TurnEvent]:
        try:
            heard, self.after = self._reader.read(self._key, self.after, wait)
        except Unavailable as error:
            self.away = error
            return []
        self.away = None
        return heard

    def _whole(self, end: TurnFinished, until: float) -> TurnFinished:
        """With its result, where that was too long for the stream and is told elsewhere before `until`."""
        wait = 0.0
        while end.state == "done" and end.result is None and wait >= 0.0:
            if known := self._ended(wait):
                return end.model_copy(update={"result": known.result})
            wait = min(LOOK, until - monotonic())
        return end

    def _last(self, end: FinishedData) -> Iterator[TurnEvent]:
        """What the stream tells yet, and the end, from where it is known."""
        while heard := self._read(LATE):
            yield from (event for event in heard if not isinstance(event, TurnFinished))
        yield TurnFinished(id=self.after, run=self._run, state=end.state, result=end.result, error=end.error)

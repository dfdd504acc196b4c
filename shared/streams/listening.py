"""Following a turn to its end, which is heard in any case: from its stream, or from where else ends are told.

A stream may lack the end of its turn: its worker died in between, the server was away, the turn was cancelled before it
ran, or nobody asked for a stream.
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
                yield event
                if isinstance(event, TurnFinished):
                    return
            if self.after != before:
                continue
            if end := self._ended(min(LOOK, left) if self.away else 0.0):
                yield from self._last(end)
                return
            if not left:
                return

    def _read(self, wait: float) -> list[TurnEvent]:
        try:
            heard, self.after = self._reader.read(self._key, self.after, wait)
        except Unavailable as error:
            self.away = error
            return []
        self.away = None
        self._run = max([self._run, *(event.run for event in heard)])
        return heard

    def _last(self, end: FinishedData) -> Iterator[TurnEvent]:
        """What the stream tells yet, and the end, from where it is known."""
        while heard := self._read(LATE):
            for event in heard:
                yield event
                if isinstance(event, TurnFinished):
                    return
        yield TurnFinished(id=self.after, run=self._run, state=end.state, result=end.result, error=end.error)

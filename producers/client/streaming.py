"""What a turn tells while it runs, as its asker hears it."""

from collections.abc import Iterator
from functools import cached_property
from uuid import UUID

from producers.client.errors import Unfinished
from shared.contracts.events import TurnEvent, TurnFinished
from shared.errors import ConfigurationError
from shared.streams.keys import holds_streams, stream_key
from shared.streams.listening import Ended, Listening
from shared.streams.reader import Reader


class Listener:
    """Where a principal's streams are read. `stream_url`: where they are not on the bus, because that is no Redis."""

    def __init__(self, bus_url: str, stream_url: str | None, principal: str) -> None:
        self._bus_url, self._stream_url, self._principal = bus_url, stream_url, principal

    @cached_property
    def _reader(self) -> Reader:
        if self._stream_url is None and not holds_streams(self._bus_url):
            raise ConfigurationError(
                "this bus holds no streams: give `Headgate(…, stream_url=…)` the Redis that the workers write them to "
                "(their HEADGATE_STREAM_URL)"
            )
        return Reader(self._stream_url or self._bus_url)

    def events(self, job: UUID, after: str, timeout: float, ended: Ended) -> Iterator[TurnEvent]:
        """What follows the event of this id, to the end of the turn; `Unfinished` after `timeout` seconds."""
        return _to_the_end(Listening(self._reader, stream_key(self._principal, job), ended, after=after), timeout)

    def close(self) -> None:
        if "_reader" in self.__dict__:
            self._reader.close()


def _to_the_end(listening: Listening, timeout: float) -> Iterator[TurnEvent]:
    for event in listening.events(timeout):
        yield event
        if isinstance(event, TurnFinished):
            return
    raise Unfinished(
        f"the end of the turn was not heard of within {timeout:g} s: go on with `after={listening.after!r}`, or wait "
        f"for it. {listening.away or ''}".rstrip()
    )

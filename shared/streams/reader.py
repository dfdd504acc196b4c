"""Reading streams, from any place in them; several may read one, each at its own pace.

Redis reads on behind any id, also behind one that has fallen off or never was: what stood between is passed over in
silence. So each reading looks whether the place it read from is still there: then nothing behind it has fallen off.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from shared.contracts.events import TURN_EVENT, EventsMissed, Told, TurnEvent, TurnFinished, TurnStarted
from shared.errors import HeadgateError, Unavailable
from shared.streams.keys import FIELD, checked

#: The beginning of every stream.
BEGINNING = "0-0"

#: The id of an entry: two numbers of 64 bits, the second 0 where it is left out. Redis knows others, such as `$`, which
#: stand for wherever the stream ends just then.
PLACE = re.compile(r"([0-9]{1,20})(?:-([0-9]{1,20}))?")
LARGEST = 2**64 - 1

#: Events that are read at once.
BATCH = 500

#: Longest wait on the server, in seconds; shorter than the silence after which a connection counts as lost.
LONGEST_WAIT = 3.0
SOCKET_TIMEOUT = 8.0

Entries = list[tuple[bytes, dict[bytes, bytes]]]

log = structlog.get_logger(__name__)


class StreamRefused(HeadgateError):  # noqa: N818 - it names what happened
    """The server will not have this stream read, or not from there."""


class Reader:
    """Not for sharing between threads. Nothing is connected before the first look."""

    def __init__(self, url: str) -> None:
        self._url = checked(url)

    @cached_property
    def _redis(self) -> Redis:
        return Redis.from_url(
            self._url, socket_timeout=SOCKET_TIMEOUT, socket_connect_timeout=SOCKET_TIMEOUT, retry=Retry(NoBackoff(), 0)
        )

    def read(self, key: str, after: str, wait: float) -> tuple[list[TurnEvent], str]:
        """What follows the event of this id, waiting up to `wait` seconds for it, and where to read on.

        `EventsMissed` comes first where some of it is gone, and then all that the stream still holds. Raises
        `Unavailable`, and `StreamRefused` for an id that is none.
        """
        time, number = _parsed(key, after)
        entries, missed = self._entries(key, after, wait), False
        if (time, number) != (0, 0) and not self._holds(key, time, number):
            after, entries, missed = BEGINNING, self._entries(key, BEGINNING, 0), True
        events = list(_events(entries))
        if (time, number) == (0, 0) and events:  # a stream begins with one of these, and then nothing has fallen off
            missed = not isinstance(events[0], TurnStarted | TurnFinished)
        heard: list[TurnEvent] = [EventsMissed(id=BEGINNING)] if missed else []
        return [*heard, *events], entries[-1][0].decode() if entries else after

    def _holds(self, key: str, time: int, number: int) -> bool:
        """Whether the entry of this id is still there: it is the first behind the id before it."""
        before = f"{time}-{number - 1}" if number else f"{time - 1}-{LARGEST}"
        entries = self._entries(key, before, 0, count=1)
        return bool(entries) and entries[0][0].decode() == f"{time}-{number}"

    def _entries(self, key: str, after: str, wait: float, *, count: int = BATCH) -> Entries:
        block = max(1, round(min(wait, LONGEST_WAIT) * 1000)) if wait > 0 else None
        try:
            found = cast("Any", self._redis.xread({key: after}, count=count, block=block))
        except ResponseError as error:
            raise StreamRefused(f"{key} cannot be read after {after[:40]!r}: {error}") from error
        except RedisError as error:
            raise Unavailable(self._away(error)) from error
        return found[0][1] if found else []

    def _away(self, error: RedisError) -> str:
        parts = urlsplit(self._url)
        return f"streams at {parts.hostname or parts.path}:{parts.port or ''} cannot be read now: {error}. Is it up?"

    def close(self) -> None:
        if "_redis" in self.__dict__:
            self._redis.close()


def _parsed(key: str, after: str) -> tuple[int, int]:
    parts = PLACE.fullmatch(after)
    time, number = (int(parts[1]), int(parts[2] or 0)) if parts else (LARGEST + 1, 0)
    if max(time, number) > LARGEST:
        raise StreamRefused(f"{key} cannot be read after {after[:40]!r}: give the id of an event, or {BEGINNING}")
    return time, number


def _events(entries: Entries) -> Iterator[Told]:
    """An event that this version does not know is passed over: later ones may tell more."""
    for entry_id, fields in entries:
        try:
            event = TURN_EVENT.validate_json(fields.get(FIELD.encode(), b""))
        except ValidationError:
            log.warning("not an event of a turn; passed over", entry=entry_id.decode())
            continue
        yield event.model_copy(update={"id": entry_id.decode()})

"""Reading streams, from any place in them; several may read one, each at its own pace."""

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

from shared.contracts.events import TURN_EVENT, TurnEvent
from shared.errors import HeadgateError, Unavailable
from shared.streams.keys import FIELD, checked

#: The beginning of every stream.
BEGINNING = "0-0"

#: Events that are read at once.
BATCH = 500

#: Longest wait on the server, in seconds; shorter than the silence after which a connection counts as lost.
LONGEST_WAIT = 3.0
SOCKET_TIMEOUT = 8.0

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

        Raises `Unavailable`, and `StreamRefused` for an id that is none.
        """
        block = max(1, round(min(wait, LONGEST_WAIT) * 1000)) if wait > 0 else None
        try:
            found = cast("Any", self._redis.xread({key: after}, count=BATCH, block=block))
        except ResponseError as error:
            raise StreamRefused(f"{key} cannot be read after {after[:40]!r}: {error}") from error
        except RedisError as error:
            raise Unavailable(self._away(error)) from error
        entries = found[0][1] if found else []
        return list(_events(entries)), entries[-1][0].decode() if entries else after

    def _away(self, error: RedisError) -> str:
        parts = urlsplit(self._url)
        return f"streams at {parts.hostname or parts.path}:{parts.port or ''} cannot be read now: {error}. Is it up?"

    def close(self) -> None:
        if "_redis" in self.__dict__:
            self._redis.close()


def _events(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[TurnEvent]:
    """An event that this version does not know is passed over: later ones may tell more."""
    for entry_id, fields in entries:
        try:
            event = TURN_EVENT.validate_json(fields.get(FIELD.encode(), b""))
        except ValidationError:
            log.warning("not an event of a turn; passed over", entry=entry_id.decode())
            continue
        yield event.model_copy(update={"id": entry_id.decode()})

"""Appending to streams: at most once, never for long, and never an error.

A server that does not answer is let alone for some seconds, by all turns of the process. What is not taken is counted;
its teller hears of it, and tells the step anew when the server is back (`workers.run.events`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.retry import Retry

from shared.clock import monotonic
from shared.stores.redis import MOST
from shared.streams.keys import FIELD, checked
from shared.telemetry import metrics

#: Most entries of a stream, of which the oldest fall off: three minutes of words at twenty entries a second.
ENTRIES = 4_000

#: Most bytes of one entry; a longer result is left to the answer `finished`.
ENTRY_BYTES = 16_384

#: Seconds after its last entry at which a stream is gone: longer than a turn waits between two of its runs.
LIFETIME = 3_600

#: The same for a turn that is over: its asker has the answer by then. Memory is held for as long.
AFTERLIFE = 600

#: Longest wait for the server, in seconds: as long as one delta may be late without being noticed.
PATIENCE = 0.25

#: Seconds for which a server is let alone that did not answer in time: turns lose a twentieth of their time at most.
OFF = 5.0

#: How full a server may be, of what it may take, while streams are still written: it may be the gate's, which would
#: stop at the brim. Looked at as often as a server that is away is tried again.
FULL = 0.5

#: How Redis says that a key holds something else: a fault of this stream alone.
WRONG_TYPE = "WRONGTYPE"

log = structlog.get_logger(__name__)


class Streams:
    """Of one process; all its turns append through this. Nothing is connected before the first event."""

    def __init__(self, url: str) -> None:
        self._url = checked(url)
        self._off_until, self._room_until = 0.0, 0.0

    @cached_property
    def _redis(self) -> Redis:
        return Redis.from_url(
            self._url,
            max_connections=MOST,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )

    def append(self, key: str, events: Sequence[bytes], *, lifetime: int = LIFETIME) -> bool:
        """Append these together; False where they are not taken, or nobody knows."""
        if monotonic() < self._off_until:
            return self._lost(len(events), "off")
        try:
            self._check_room()
            self._write(key, events, lifetime)
        except OutOfMemoryError as error:
            return self._turned_off(len(events), "full", error)
        except ResponseError as error:
            if WRONG_TYPE not in str(error):  # a replica by now, or nothing may be written: the next is refused as well
                return self._turned_off(len(events), "refused", error)
            log.warning("something else than a stream lies in its place", key=key)
            return self._lost(len(events), "refused")
        except RedisError as error:
            return self._turned_off(len(events), "away", error)
        return True

    def _write(self, key: str, events: Sequence[bytes], lifetime: int) -> None:
        """All of it with its bounds, or nothing."""
        with self._redis.pipeline(transaction=True) as pipeline:
            for event in events:
                pipeline.xadd(key, {FIELD: event}, maxlen=ENTRIES, approximate=False)
            pipeline.expire(key, lifetime)
            pipeline.execute()

    def _check_room(self) -> None:
        """Looked at now and then: what all streams together take until the next look is little."""
        if monotonic() < self._room_until:
            return
        memory: dict[str, Any] = self._redis.info("memory")
        if memory["maxmemory"] and memory["used_memory"] >= FULL * memory["maxmemory"]:
            raise OutOfMemoryError("too full for streams")
        self._room_until = monotonic() + OFF

    def close(self) -> None:
        if "_redis" in self.__dict__:
            self._redis.close()

    def _turned_off(self, events: int, reason: str, error: RedisError) -> bool:
        """An error's own words are not logged: they quote what was to be appended."""
        self._off_until = monotonic() + OFF
        server, kind = urlsplit(self._url).hostname, type(error).__name__
        log.warning("streams are off for a while", server=server, reason=reason, error=kind)
        return self._lost(events, reason)

    @staticmethod
    def _lost(events: int, reason: str) -> bool:
        metrics.STREAM_EVENTS_LOST.labels(reason=reason).inc(events)
        return False

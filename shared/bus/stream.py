"""The bus on Redis streams (Redis 7 or Valkey): jobs are a stream with one field `event` and a consumer group.

Kombu's Redis transport throws away what it cannot read and can lose a message to a kill between two commands; a stream
does neither. Weakness: an event is as durable as the server is told to be (`appendfsync`), and nothing bounds the
jobs that pile up while no door is there but the server's memory, at which `send` is refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from shared import ids
from shared.bus.contract import Delivery
from shared.bus.failure import unavailable
from shared.bus.group import Group, Lock, script
from shared.bus.names import NAMES, REPLIES_AGE, REPLIES_KEPT, AddressRefused, Names
from shared.errors import Unavailable

#: Seconds without an answer after which a connection counts as lost; more than the longest blocking read (3.3 s).
_SOCKET_TIMEOUT = 8

#: Seconds of silence after which a connection is tried before it is used (recovered a half-open one in 14 s).
_HEALTH_CHECK = 5


class StreamBus:
    def __init__(
        self, url: str, *, consumer: str = "headgate", refused_kept: int = 10_000, names: Names = NAMES
    ) -> None:
        self._url = url
        self._names = names
        self._refused_kept = refused_kept
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=_SOCKET_TIMEOUT,
            socket_connect_timeout=_SOCKET_TIMEOUT,
            health_check_interval=_HEALTH_CHECK,
            retry=Retry(NoBackoff(), 0),  # to send again or not is the caller's to say
        )
        # The braces put the lock where a Redis Cluster keeps the stream.
        lock = Lock(f"{{{names.jobs}}}.active", f"{consumer}:{ids.token()}")
        self._jobs = Group(self._redis, names.jobs, "headgate", consumer=consumer, lock=lock)
        self._inboxes: dict[str, Group] = {}
        self._reply = self._redis.register_script(script("reply.lua"))

    def send(self, events: Sequence[bytes]) -> None:
        with self._reached(), self._redis.pipeline() as pipeline:
            for event in events:
                pipeline.xadd(self._names.jobs, {"event": event})
            pipeline.execute()

    def receive(self, limit: int, wait: float) -> list[Delivery]:
        with self._reached():
            return self._jobs.receive(limit, wait)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        with self._reached():
            self._jobs.acknowledge(deliveries)

    def give_back(self) -> None:
        self._jobs.give_back()

    def reply(self, address: str, events: Sequence[bytes]) -> None:
        stream = self._names.reply(address)
        with self._reached():
            try:
                self._reply(keys=[stream], args=[REPLIES_KEPT, REPLIES_AGE, *events])
            except ResponseError as error:
                if "WRONGTYPE" not in str(error):
                    raise
                raise AddressRefused(f"{address} holds something else than a stream: delete that key") from error

    def replies(self, address: str, limit: int, wait: float) -> list[Delivery]:
        with self._reached():
            return self._inbox(address).receive(limit, wait)

    def acknowledge_replies(self, address: str, deliveries: Sequence[Delivery]) -> None:
        with self._reached():
            self._inbox(address).acknowledge(deliveries)

    def keep_refused(self, entries: Sequence[bytes]) -> None:
        with self._reached(), self._redis.pipeline() as pipeline:
            for entry in entries:
                pipeline.xadd(self._names.refused, {"event": entry}, maxlen=self._refused_kept, approximate=False)
            pipeline.execute()

    def refused(self, limit: int) -> list[bytes]:
        with self._reached():
            entries = cast("Any", self._redis.xrevrange(self._names.refused, count=limit))
        return [fields.get(b"event", b"") for _, fields in entries]

    def depth(self) -> int:
        with self._reached():
            return self._redis.xlen(self._names.jobs)

    def close(self) -> None:
        with suppress(Unavailable), self._reached():  # out of reach, the lock expires by itself
            self._jobs.leave()
        self._redis.close()

    def _inbox(self, address: str) -> Group:
        if address not in self._inboxes:
            stream = self._names.reply(address)
            self._inboxes[address] = Group(self._redis, stream, "client", consumer="client", lifetime=REPLIES_AGE)
        return self._inboxes[address]

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """After a failure nobody knows what was handed out, so everything unfinished comes again."""
        try:
            yield
        except RedisError as broken:
            for group in (self._jobs, *self._inboxes.values()):
                group.give_back()
            raise unavailable(self._url, broken) from broken

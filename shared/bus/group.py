"""One reader's side of a Redis stream: its consumer group, and the lock that keeps the reader the only one.

All readers use one consumer name and claim whatever is unfinished when they begin, so nobody has to guess how long a
holder must be silent before it counts as dead: the lock says so. A reader that is killed keeps the lock for `LEASE`;
one that works longer than that on a batch without receiving may find that a successor got the batch too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from time import sleep
from typing import Any, NamedTuple, cast

from redis import Redis

from shared.bus.contract import Delivery
from shared.clock import monotonic

#: Seconds a silent reader stays the active one: several batches long, and the longest that a kill holds up the bus.
LEASE = 10.0

#: Seconds of one blocking read: a third of `LEASE`, so that waiting renews the lock twice before it could expire.
_PATIENCE = LEASE / 3

#: Seconds between two looks of a passive reader at the lock; short against `LEASE`, idle against Redis.
_LOOK = 0.25

_FIRST, _NEW = "0-0", ">"


@dataclass(frozen=True)
class Lock:
    key: str
    token: str


class _Taken(NamedTuple):
    """What `take.lua` answers."""

    state: str
    entries: list[Any]
    mark: str


class Group:
    def __init__(
        self, redis: Redis, stream: str, group: str, *, consumer: str, lock: Lock | None = None, lifetime: int = 0
    ) -> None:
        """`lifetime`: seconds that a stream lives which only its reader has made; 0 for ever."""
        self._redis = redis
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._lock = lock
        self._lifetime = lifetime
        self._from = _FIRST
        self._active = False
        self._take = redis.register_script(script("take.lua"))
        self._leave = redis.register_script(script("leave.lua"))

    def receive(self, limit: int, wait: float) -> list[Delivery]:
        until = monotonic() + wait
        while True:
            taken = self._next(limit)
            if taken.entries:
                return [_delivery(entry, redelivered=taken.state == "unfinished") for entry in taken.entries]
            left = until - monotonic()
            if left <= 0:
                return []
            self._wait(taken, left)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledged entries are deleted, so the stream holds what is unfinished and nothing else."""
        tags = [delivery.tag for delivery in deliveries]
        if not tags:
            return
        with self._redis.pipeline() as pipeline:
            pipeline.xack(self._stream, self._group, *tags)
            pipeline.xdel(self._stream, *tags)
            pipeline.execute()

    def give_back(self) -> None:
        self._from = _FIRST

    def leave(self) -> None:
        """Give the lock up, so that nobody has to wait for it to expire."""
        if self._lock is not None and self._active:
            self._leave(keys=[self._lock.key], args=[self._lock.token])

    def _next(self, limit: int) -> _Taken:
        taken = self._ask(limit)
        while taken.state == "unfinished":
            self._from = _NEW if taken.mark == _FIRST else taken.mark
            if taken.entries:
                break
            taken = self._ask(limit)
        return taken

    def _ask(self, limit: int) -> _Taken:
        keys, args = [self._stream], [self._group, self._consumer, str(limit), self._from, str(self._lifetime)]
        if self._lock is not None:
            keys.append(self._lock.key)
            args += [self._lock.token, str(int(LEASE * 1000))]
        state, entries, mark = cast("Any", self._take(keys=keys, args=args))
        taken = _Taken(state.decode(), entries, mark.decode())
        self._active = taken.state != "passive"
        return taken

    def _wait(self, taken: _Taken, left: float) -> None:
        """Until something newer is there, or it is time to look again. Reads outside the group: nothing is taken."""
        if taken.state == "passive":
            sleep(min(left, _LOOK))
        elif taken.state == "new":
            patience = max(1, int(min(left, _PATIENCE) * 1000))
            self._redis.xread({self._stream: taken.mark}, count=1, block=patience)


def script(name: str) -> str:
    return resources.files("shared.bus").joinpath(name).read_text()


def _delivery(entry: list[Any], *, redelivered: bool) -> Delivery:
    """The field `event` is the event; without one the whole entry is handed out, for the door to refuse."""
    tag, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    body = fields.get(b"event", str(fields).encode())
    return Delivery(body=body, tag=tag.decode(), redelivered=redelivered)

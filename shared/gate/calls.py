"""Calling the gate's operations in Redis: pipelined, and loaded where a Redis does not know them yet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import HeadgateError, Unavailable
from shared.gate import scripts
from shared.gate.scripts import Library
from shared.telemetry import metrics

#: An operation and what it is told.
Call = tuple[str, Sequence[Any]]

#: What Redis says of a function that was never loaded into it.
UNKNOWN = "Function not found"


class GateClosed(HeadgateError):  # noqa: N818 - it names a state
    """The gate has lost its memory and works again when a worker has rebuilt it from the ledger."""


class GateFull(HeadgateError):  # noqa: N818 - as above
    """The gate's Redis is full: the ledger sweep offers the job when there is room."""


class Calls:
    """One cell's operations."""

    def __init__(self, redis: Redis, prefix: str, library: Library) -> None:
        self._redis, self._prefix, self._library = redis, prefix, library

    def run(self, operation: str, calls: Sequence[Sequence[Any]], *, epoch: int | None) -> list[bytes]:
        """Run one operation once per call, in one round trip; `epoch`: the one being rebuilt, None for that in force.

        Raises `GateClosed`, `GateFull` or `Unavailable`.
        """
        return self.trip(operation, [(operation, call) for call in calls], epoch=epoch)

    def trip(self, told: str, calls: Sequence[Call], *, epoch: int | None = None) -> list[bytes]:
        """Run several operations, one after the other, in one round trip, which is measured as `told`."""
        if not calls:
            return []
        rebuilt = "" if epoch is None else epoch
        with _translated(), metrics.GATE_OPERATION.labels(told).time():
            try:
                return self._asked(calls, rebuilt)
            except ResponseError as error:
                if UNKNOWN not in str(error):
                    raise
            self._redis.function_load(self._library.text, replace=True)
            return self._asked(calls, rebuilt)

    def bare(self, operation: str, *arguments: Any) -> Any:
        """Run a script that needs no open gate."""
        with _translated():
            return self._redis.eval(scripts.bare(operation), 1, self._prefix, *arguments)

    def epoch(self) -> int:
        """The epoch that the head names; 0 where there is none."""
        with _translated():
            head = self._redis.get(f"{self._prefix}head")
        return int(head.partition(b":")[2]) if isinstance(head, bytes) else 0

    def forget(self, epoch: int) -> None:
        """Remove every key of the epochs before this one."""
        with _translated():
            for key in self._redis.scan_iter(f"{self._prefix}[0-9]*:*", count=1000):
                if int(key.removeprefix(self._prefix.encode()).partition(b":")[0]) < epoch:
                    self._redis.unlink(key)

    def _asked(self, calls: Sequence[Call], rebuilt: int | str) -> list[bytes]:
        if len(calls) == 1:
            ((operation, arguments),) = calls
            return [self._redis.fcall(f"{self._library.name}_{operation}", 1, self._prefix, rebuilt, *arguments)]
        pipeline = self._redis.pipeline(transaction=False)
        for operation, arguments in calls:
            pipeline.fcall(f"{self._library.name}_{operation}", 1, self._prefix, rebuilt, *arguments)
        answers = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@contextmanager
def _translated() -> Iterator[None]:
    """Redis's errors as Headgate's."""
    try:
        yield
    except OutOfMemoryError as error:
        raise GateFull("the gate's Redis is full: raise its maxmemory") from error
    except (RedisConnectionError, RedisTimeoutError, ReadOnlyError, MasterDownError) as error:
        raise Unavailable(f"the gate's Redis does not answer: {error}") from error
    except ResponseError as error:
        if not str(error).startswith("CLOSED"):
            raise
        raise GateClosed("the gate is closed until a worker has rebuilt it from the ledger") from error

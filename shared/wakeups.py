"""Rousing an upkeep loop before its time. A wake-up may be lost without harm: each loop also looks by itself."""

from redis import Redis
from redis.exceptions import RedisError

from shared.gate import keys


class Wakeups:
    """One bell per loop, rung by whoever left work for it."""

    def __init__(self, redis: Redis, cell: str) -> None:
        self._redis, self._cell = redis, cell

    def ring(self, loop: str) -> None:
        key = keys.wake(self._cell, loop)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.lpush(key, 1)
        pipeline.ltrim(key, 0, 0)
        try:
            pipeline.execute()
        except RedisError:  # the loop looks by itself within a second
            return

    def wait(self, loop: str, seconds: float) -> bool:
        """Until the bell rings or `seconds` have passed; raises what Redis raises."""
        return self._redis.blpop([keys.wake(self._cell, loop)], timeout=seconds) is not None

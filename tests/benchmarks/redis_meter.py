"""What Redis spends, by its own account."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis

#: How the gate's operations reach Redis.
GATE = frozenset({"cmdstat_fcall", "cmdstat_evalsha"})

#: The metering itself.
OURS = frozenset({"cmdstat_info"})


@dataclass
class Spent:
    """`us`: microseconds inside commands; `cpu_us`: of the whole process, reading and answering included."""

    calls: float = 0.0
    us: float = 0.0
    cpu_us: float = 0.0


class Meter:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @contextmanager
    def spent(self, commands: Collection[str] = ()) -> Iterator[Spent]:
        """On these commands, or on all; told at the end. What a script calls counts as the script's."""
        spent, before = Spent(), self._read(commands)
        yield spent
        after = self._read(commands)
        spent.calls, spent.us = after.calls - before.calls, after.us - before.us
        spent.cpu_us = after.cpu_us - before.cpu_us

    def memory(self) -> int:
        """Bytes that hold data."""
        return int(self._redis.info("memory")["used_memory_dataset"])

    def _read(self, commands: Collection[str]) -> Spent:
        stats, cpu = self._redis.info("commandstats"), self._redis.info("cpu")
        counted = [one for name, one in stats.items() if (name in commands if commands else name not in OURS)]
        total = cpu["used_cpu_user"] + cpu["used_cpu_sys"]
        return Spent(sum(one["calls"] for one in counted), sum(one["usec"] for one in counted), total * 1e6)

"""What a stage's processes use: Redis, Postgres and a worker, as the operating system counts."""

from dataclasses import dataclass

import psutil

from shared.cell import Cell
from shared.clock import monotonic
from shared.stores.postgres import one


@dataclass(frozen=True)
class Used:
    """Since each began: seconds of CPU, and commands that Redis was given; bytes now. `at`: monotonic seconds."""

    at: float
    redis_cpu: float
    postgres_cpu: float
    worker_cpu: float
    commands: int
    redis_bytes: int
    worker_bytes: int


class Resources:
    def __init__(self, cell: Cell, worker: int) -> None:
        self._redis = cell.redis
        with cell.dispatcher.connection() as connection:
            backend = psutil.Process(one(connection, "SELECT pg_backend_pid() AS pid")["pid"])
        postmaster = backend.parent()
        assert postmaster is not None, "a backend of Postgres has no parent"
        self._processes = (psutil.Process(self._redis.info("server")["process_id"]), postmaster, psutil.Process(worker))

    def used(self) -> Used:
        redis, postgres, worker = self._processes
        commands = int(self._redis.info("stats")["total_commands_processed"])
        bytes_now = int(self._redis.info("memory")["used_memory"])
        return Used(monotonic(), cpu(redis), cpu(postgres), cpu(worker), commands, bytes_now, worker.memory_info().rss)


def cpu(process: psutil.Process) -> float:
    """Of the process with its children, those that have ended too."""
    times = process.cpu_times()
    ended = times.children_user + times.children_system
    living = (child.cpu_times() for child in process.children(recursive=True))
    return times.user + times.system + ended + sum(each.user + each.system for each in living)

"""The same work as plain Celery tasks, as Celery comes: the baseline of the benchmarks."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from celery import Celery
from redis import Redis

from shared.cell import Cell
from shared.settings import next_redis_database
from tests.support.workers import PATIENCE, ROOT, eventually

#: The broker's address comes from the environment, as Celery reads it by itself.
app = Celery("plain", set_as_current=False)
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task(name="plain.hold", shared=False)
def hold(who: str, sent: float, seconds: float) -> None:
    """Hold a slot; note when it was sent and when it started, in seconds since 1970."""
    started = time.time()
    time.sleep(seconds)
    _notes(app.conf.broker_url).rpush(f"times:{who}", f"{sent} {started}")


@cache
def _notes(url: str) -> "Redis":
    return Redis.from_url(url)


class PlainCelery:
    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)
        self._celery = Celery("sender", broker=url, set_as_current=False)

    def ask(self, who: str, tasks: int, seconds: float) -> None:
        for _ in range(tasks):
            self._celery.send_task("plain.hold", args=(who, time.time(), seconds))

    def done(self, who: str) -> int:
        return self._redis.llen(f"times:{who}")

    def wait(self, who: str, tasks: int) -> None:
        eventually(lambda: self.done(who) >= tasks, f"{tasks} tasks of {who} are done")

    def times(self, who: str) -> list[tuple[float, float]]:
        """(sent, started) of each task."""
        pairs = (note.split() for note in self._redis.lrange(f"times:{who}", 0, -1))
        return [(float(sent), float(started)) for sent, started in pairs]

    def ready(self) -> bool:
        return bool(self._celery.control.ping(timeout=0.5))

    def close(self) -> None:
        self._celery.close()
        self._redis.flushdb()
        self._redis.close()


@contextmanager
def plain_celery(cell: Cell, *, slots: int) -> Iterator[PlainCelery]:
    """A worker of stock Celery on the cell's Redis, in a database of its own, empty again afterwards."""
    url = next_redis_database(cell.broker_url)
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "tests.benchmarks.plain_celery", "worker"]
    options = ["-P", "threads", "-c", str(slots), "-l", "WARNING"]
    environment = os.environ | {"CELERY_BROKER_URL": url}
    celery = PlainCelery(url)
    with subprocess.Popen([*command, *options], cwd=ROOT, env=environment) as process:
        try:
            eventually(celery.ready, "the plain worker is ready")
            yield celery
        finally:
            process.terminate()
            process.wait(PATIENCE)
            celery.close()

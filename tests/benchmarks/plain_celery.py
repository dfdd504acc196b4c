"""Plain Celery beside Headgate: a worker as Celery comes, and whoever sends it tasks."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from celery import Celery
from redis import Redis

from shared import ids
from shared.settings import next_redis_database
from tests.benchmarks.processes import celery_worker
from tests.benchmarks.tally import Tallied, per_second
from tests.support.workers import PATIENCE, eventually


class PlainCelery:
    """The sender. `queue`: where everything goes that is not sent elsewhere."""

    def __init__(self, broker: str, notes: str, queue: str) -> None:
        self.node, self.tallied = f"plain-{ids.token(4)}@localhost", Tallied(notes)
        self._redis, self._queue = Redis.from_url(notes), queue
        self._celery = Celery("sender", broker=broker, set_as_current=False)

    def ask(self, who: str, tasks: int, seconds: float, *, queue: str | None = None) -> None:
        """Tasks that hold a slot."""
        with self._celery.producer_or_acquire() as producer:
            for _ in range(tasks):
                told = (who, time.time(), seconds)
                self._celery.send_task("plain.hold", args=told, queue=queue or self._queue, producer=producer)

    def done(self, who: str) -> int:
        return self._redis.llen(f"times:{who}")

    def wait(self, who: str, tasks: int) -> None:
        eventually(lambda: self.done(who) >= tasks, f"{tasks} tasks of {who} are done", patience=2 * PATIENCE)

    def times(self, who: str) -> list[tuple[float, float]]:
        """(sent, started) of each task that is done; forgotten with this."""
        key = f"times:{who}"
        pairs = (note.split() for note in self._redis.lrange(key, 0, -1))
        times = [(float(sent), float(started)) for sent, started in pairs]
        self._redis.delete(key)
        return times

    def send(self, task: str, tasks: int) -> None:
        """Tasks that do nothing."""
        with self._celery.producer_or_acquire() as producer:
            for _ in range(tasks):
                self._celery.send_task(task, queue=self._queue, producer=producer)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """The worker takes nothing from the queue before the end of this."""
        self._told("cancel_consumer")
        eventually(lambda: not self._takes(), f"{self.node} takes nothing")
        yield
        self._told("add_consumer")

    def ready(self) -> bool:
        return bool(self._celery.control.ping([self.node], timeout=0.5, limit=1))

    def close(self) -> None:
        self._celery.close()
        self.tallied.close()
        self._redis.flushdb()
        self._redis.close()

    def _takes(self) -> bool:
        """Whether the worker takes what is there: it says yes to an order, then follows it."""
        said = self._celery.control.inspect([self.node], limit=1, timeout=PATIENCE).active_queues() or {}
        return any(queue["name"] == self._queue for queue in said.get(self.node, ()))

    def _told(self, order: str) -> None:
        """Once the worker has said yes. Others on the broker are not meant."""
        control, queue = self._celery.control, {"queue": self._queue}
        if not control.broadcast(order, queue, destination=[self.node], reply=True, limit=1, timeout=PATIENCE):
            raise AssertionError(f"{self.node} does not answer to {order}")


@dataclass(frozen=True)
class PlainTask:
    """Tasks that do nothing, as fast as they go."""

    celery: PlainCelery
    task: str

    def drain(self, tasks: int) -> float:
        """Tasks per second, from the moment at which the worker may take what is there."""
        self.celery.tallied.begin()
        with self.celery.held_back():
            self.celery.send(self.task, tasks)
            since = time.time()
        return per_second(self.celery.tallied.all(tasks), since)

    def end_to_end(self, tasks: int) -> float:
        """Tasks per second, from before the first is sent; the worker runs meanwhile."""
        since = self.celery.tallied.begin()
        self.celery.send(self.task, tasks)
        return per_second(self.celery.tallied.all(tasks), since)


@contextmanager
def plain_celery(
    redis: str, *, slots: int, broker: str | None = None, queues: Sequence[str] = ("celery",), prefetch: int = 4
) -> Iterator[PlainCelery]:
    """A worker of stock Celery and its sender, in the next database of this Redis; `broker`: elsewhere."""
    notes = next_redis_database(redis)
    celery = PlainCelery(broker or notes, notes, queues[0])
    variables = {"CELERY_BROKER_URL": broker or notes, "CELERY_RESULT_BACKEND": notes}
    try:
        with celery_worker(
            "tests.benchmarks.plain_tasks",
            slots=slots,
            ready=celery.ready,
            queues=queues,
            variables=variables,
            options=["-n", celery.node, f"--prefetch-multiplier={prefetch}"],
        ):
            yield celery
    finally:
        celery.close()

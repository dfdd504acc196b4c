"""Tenants that flood and tenants that ask now and then, on Headgate and on plain Celery."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from shared.cell import Cell
from tests.benchmarks.crowd import held_back, make_service
from tests.benchmarks.plain_celery import PlainCelery
from tests.benchmarks.stage import finished, new_source, per_second, submit

#: Seconds that a job holds its slot.
HOLDS = 0.05

#: Jobs a second of all light tenants together: twenty that ask once a second each.
PACE = 20


#: Jobs that are asked for however soon a flood is over: one of a tenant in each of three tiers.
LEAST = 3


@dataclass(frozen=True)
class Seen:
    """Waits by light tenant, in seconds from accepted to started; the heavy tenants' jobs per second."""

    by_tenant: Mapping[str, Sequence[float]]
    rate: float = 0.0

    def waits(self, tenants: Collection[str] | None = None) -> list[float]:
        """Of these tenants, or of all."""
        asked = self.by_tenant if tenants is None else tenants
        return [wait for tenant in asked for wait in self.by_tenant[tenant]]


class OnHeadgate:
    """The whole way; `light`: the tenants that ask in turn."""

    def __init__(self, cell: Cell, light: Sequence[str]) -> None:
        self._cell, self._light, self._key = cell, light, make_service(cell)

    def alone(self, jobs: int) -> Seen:
        source = new_source()
        now_and_then(self._light, lambda tenant: self._ask(tenant, source), threading.Event(), jobs)
        return Seen(self._waits(source))

    def flooded(self, flood: Mapping[str, int]) -> Seen:
        """The flood is accepted before any of it starts; the light tenants begin with it and end with it."""
        light, drained = new_source(), threading.Event()
        with ThreadPoolExecutor(1) as pool:
            with held_back(self._cell, *flood):
                sources = {tenant: self._ask(tenant, new_source(), jobs) for tenant, jobs in flood.items()}
                asking = pool.submit(now_and_then, self._light, lambda tenant: self._ask(tenant, light), drained)
                since = time.time()
            try:
                times = [each for tenant, source in sources.items() for each in finished(self._cell, tenant, source)]
            finally:
                drained.set()
            asking.result()
        return Seen(self._waits(light), per_second(times, since))

    def _ask(self, tenant: str, source: str, jobs: int = 1) -> str:
        data = [{"seconds": HOLDS}] * jobs
        return submit(self._cell, "ops.probe", data, self._key, source=source, tenantid=tenant)

    def _waits(self, source: str) -> Mapping[str, Sequence[float]]:
        return {tenant: [job.waited for job in finished(self._cell, tenant, source)] for tenant in self._light}


class OnCelery:
    """The same as plain tasks. `queues`: each tenant has a queue of its own, else all have one."""

    HEAVY = "heavy"

    def __init__(self, celery: PlainCelery, light: Sequence[str], *, queues: bool = False) -> None:
        self._celery, self._light, self._queues = celery, light, queues

    def flooded(self, jobs: int) -> Seen:
        drained = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            with self._celery.held_back():
                self._celery.ask(self.HEAVY, jobs, HOLDS)
                asking = pool.submit(now_and_then, self._light, self._ask, drained)
                since = time.time()
            try:
                self._celery.wait(self.HEAVY, jobs)
            finally:
                drained.set()
            self._celery.wait("light", asking.result())
        heavy, light = self._celery.times(self.HEAVY), self._celery.times("light")
        ended = max(started for _, started in heavy) + HOLDS
        return Seen({"light": [started - sent for sent, started in light]}, jobs / (ended - since))

    def _ask(self, tenant: str) -> None:
        self._celery.ask("light", 1, HOLDS, queue=tenant if self._queues else None)


def now_and_then(
    tenants: Sequence[str], ask: Callable[[str], object], stopping: threading.Event, most: int | None = None
) -> int:
    """Ask for a job of each tenant in turn, at an even pace, whatever becomes of them; answers how many."""
    begun = time.monotonic()
    for number in count():
        stopped = stopping.wait(max(0.0, begun + number / PACE - time.monotonic()))
        if number == most or (stopped and number >= LEAST):
            break
        ask(tenants[number % len(tenants)])
    return number

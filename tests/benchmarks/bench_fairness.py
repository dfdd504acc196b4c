"""One tenant floods, another asks now and then: how long the second waits for its start.

Measured three ways in each round: the light tenant alone; beside a flood of the heavy tenant, both of one tier, with
limits that hold neither back; and the same flood and the same now and then as plain Celery tasks, first in first out,
on the same Redis. A job holds its slot for 50 ms and does nothing.

    python -m tests.benchmarks.bench_fairness [--jobs 2000] [--rounds 3]
"""

import argparse
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.cell import Cell
from tests.benchmarks.plain_celery import PlainCelery, plain_celery
from tests.benchmarks.report import median, progress, say, table, tails
from tests.benchmarks.stage import UNHELD, finished, stage, submit
from tests.support.cells import make_tenant
from tests.support.workers import workers

SLOTS = 16

#: Seconds that a job holds its slot.
HOLDS = 0.05

#: Seconds between two jobs of the light tenant: seldom enough to leave the flood alone.
NOW_AND_THEN = 0.2

#: Milliseconds within which a light tenant's median job must start.
BOUND = 100.0


@dataclass(frozen=True)
class Round:
    """Waits of the light tenant, in seconds; the heavy tenant's jobs per second."""

    waits: Sequence[float]
    rate: float = 0.0


class Headgate:
    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = {name: make_tenant(cell, name, "pro", **UNHELD).secret for name in ("heavy", "light")}

    def alone(self, jobs: int) -> Round:
        stopping = threading.Event()
        waits = self._now_and_then(stopping, jobs)
        return Round(waits)

    def flooded(self, jobs: int) -> Round:
        """The light tenant begins when the flood has been accepted and ends with it."""
        source = self._ask("heavy", jobs)
        drained = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            light = pool.submit(self._now_and_then, drained)
            flood = finished(self._cell, "heavy", source)
            drained.set()
        span = max(job.finished_at for job in flood) - min(job.started_at for job in flood)
        return Round(light.result(), len(flood) / span.total_seconds())

    def _now_and_then(self, stopping: threading.Event, most: int | None = None) -> list[float]:
        asked: list[str] = []
        while len(asked) != most and not stopping.wait(NOW_AND_THEN):
            asked.append(self._ask("light", 1))
        return [job.waited for source in asked for job in finished(self._cell, "light", source)]

    def _ask(self, tenant: str, jobs: int) -> str:
        return submit(self._cell, "ops.probe", [{"seconds": HOLDS}] * jobs, self._keys[tenant])


def flooded_celery(celery: PlainCelery, jobs: int) -> Round:
    celery.ask("heavy", jobs, HOLDS)
    asked = 0
    while celery.done("heavy") < jobs:
        threading.Event().wait(NOW_AND_THEN)
        celery.ask("light", 1, HOLDS)
        asked += 1
    celery.wait("light", asked)
    heavy = [started for _, started in celery.times("heavy")]
    span = max(heavy) + HOLDS - min(heavy)
    return Round([started - sent for sent, started in celery.times("light")], jobs / span)


def main() -> int:
    arguments = _arguments()
    alone, flood, plain = [], [], []
    with stage() as cell:
        headgate = Headgate(cell)
        for number in range(1, arguments.rounds + 1):
            progress(f"round {number} of {arguments.rounds}")
            with workers(cell, ["ops.pro"], slots=SLOTS):
                headgate.alone(3)  # the first jobs of a worker find it cold
                alone.append(headgate.alone(arguments.alone))
                flood.append(headgate.flooded(arguments.jobs))
            with plain_celery(cell, slots=SLOTS) as celery:
                plain.append(flooded_celery(celery, arguments.jobs))
    return _told(alone, flood, plain)


def _told(alone: Sequence[Round], flood: Sequence[Round], plain: Sequence[Round]) -> int:
    alone_50, alone_99 = tails([one.waits for one in alone])
    light_50, light_99 = tails([one.waits for one in flood])
    plain_50, plain_99 = tails([one.waits for one in plain])
    rate, plain_rate = median([one.rate for one in flood]), median([one.rate for one in plain])
    table(
        ["", "light p50 ms", "light p99 ms", "heavy jobs/s"],
        ["alone", alone_50, alone_99, "-"],
        ["beside a flood", light_50, light_99, rate],
        ["plain Celery", plain_50, plain_99, plain_rate],
    )
    figures = {
        "light_p50_ms": light_50,
        "light_p99_ms": light_99,
        "light_p50_vs_alone": light_50 / alone_50,
        "light_p99_vs_alone": light_99 / alone_99,
        "heavy_jobs_per_s": rate,
        "heavy_rate_vs_celery": rate / plain_rate,
    }
    baseline = {
        "alone_light_p50_ms": alone_50,
        "alone_light_p99_ms": alone_99,
        "plain_celery_light_p50_ms": plain_50,
        "plain_celery_light_p99_ms": plain_99,
        "plain_celery_heavy_jobs_per_s": plain_rate,
    }
    say("fairness", figures, baseline)
    return 0 if light_50 < BOUND else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_fairness")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of the flood")
    parser.add_argument("--alone", type=int, default=40, help="jobs of the light tenant alone")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

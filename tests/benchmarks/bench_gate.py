"""What the gate costs its Redis, operation by operation, with ten, a thousand and a hundred thousand tenants.

Every tenant has jobs that wait, a weight, a concurrency, a rate and four hard budgets, none of which binds. Times are
Redis's own (`INFO commandstats`), in microseconds; beside them what its whole process spent (`INFO cpu`), which reading
commands and answering adds to. The baseline is one task of plain Celery with its result, sent and run by a real worker
on the same Redis. All take turns, round by round.

    python -m tests.benchmarks.bench_gate [--most 100000] [--rounds 7]
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

from redis import Redis

from tests.benchmarks.gate_crowd import GateCrowd
from tests.benchmarks.plain_celery import PlainTask, plain_celery
from tests.benchmarks.redis_meter import Meter, Spent
from tests.benchmarks.report import at_most, judge, median, progress, say, table
from tests.benchmarks.stage import stage

#: In the order of the table.
OPERATIONS = ("offer", "claim", "next", "release", "reserve", "settle", "renew")

#: What becomes of a job where slots stay awake: it is offered, and claimed as another is released.
JOB = ("offer", "next")

#: Jobs that wait at least, whatever the number of tenants.
WAITING = 2000

#: Tasks of plain Celery in a round.
TASKS = 300

TARGETS = (at_most("job_us", 130), at_most("growth_100k", 1.3))

#: Crowds by the name that their figures bear: the first bear none.
FEW, LANES, SOME, MANY = "", "_3_lanes", "_1k", "_100k"


class GateBench:
    def __init__(self, redis: Redis, most: int) -> None:
        self._redis, self._meter = redis, Meter(redis)
        self._crowds: Mapping[str, GateCrowd] = {
            FEW: GateCrowd(redis, 10),
            LANES: GateCrowd(redis, 10, lanes=3),
            SOME: GateCrowd(redis, min(1000, most)),
            MANY: GateCrowd(redis, most),
        }
        self._celery: list[Spent] = []
        self._bytes = 0

    def fill(self) -> None:
        for name, crowd in self._crowds.items():
            before = self._meter.memory()
            crowd.fill(WAITING)
            self._bytes = self._meter.memory() - before
            progress(f"filled {name.strip('_') or 'the first'}")

    def run(self, rounds: int, celery: PlainTask) -> None:
        for number in range(1, rounds + 1):
            progress(f"round {number} of {rounds}")
            for crowd in _turned(list(self._crowds.values()), number):
                crowd.round()
            with self._meter.spent() as spent:
                celery.end_to_end(TASKS)
            self._celery.append(spent)

    def tell(self) -> None:
        columns = list(self._crowds)
        jobs = [self._job(crowd) for crowd in columns]
        rows: list[list[str | float | None]] = [["a job (offer + next)", *jobs]]
        rows += [[what, *(self._us(crowd, what) for crowd in columns)] for what in OPERATIONS]
        table(["us of Redis", "10 tenants", "in 3 lanes", "1,000", "100,000"], *rows)
        figures: dict[str, float | None] = {"job_us": jobs[0], "growth_100k": jobs[3] / jobs[0]}
        figures |= {"growth_1k": jobs[2] / jobs[0], "job_3_lanes_us": jobs[1], "job_1k_us": jobs[2]}
        figures |= {"job_100k_us": jobs[3], "job_cpu_us": self._cpu(FEW), "job_100k_cpu_us": self._cpu(MANY)}
        figures |= {"memory_100k_mb": self._bytes / 1e6}
        figures |= {f"{what}{crowd}_us": self._us(crowd, what) for crowd in columns for what in OPERATIONS}
        baseline = self._baseline()
        figures |= {"job_cpu_vs_celery_task": self._cpu(FEW) / baseline["celery_task_cpu_us"]}
        judge(figures, TARGETS)
        say("gate", figures, baseline)

    def _baseline(self) -> Mapping[str, float]:
        """Of one task of plain Celery."""
        us = median([one.us for one in self._celery]) / TASKS
        cpu_us = median([one.cpu_us for one in self._celery]) / TASKS
        commands = median([one.calls for one in self._celery]) / TASKS
        progress(f"a task of plain Celery: {us:.0f} us in {commands:.0f} commands, {cpu_us:.0f} us of CPU in all")
        return {"celery_task_us": us, "celery_task_cpu_us": cpu_us, "celery_task_commands": commands}

    def _us(self, crowd: str, operation: str) -> float:
        return _median(self._crowds[crowd].spent[operation], lambda one: one.us)

    def _cpu(self, crowd: str) -> float:
        return sum(_median(self._crowds[crowd].spent[what], lambda one: one.cpu_us) for what in JOB)

    def _job(self, crowd: str) -> float:
        return sum(self._us(crowd, what) for what in JOB)


def _turned(crowds: Sequence[GateCrowd], number: int) -> Sequence[GateCrowd]:
    """Each goes first in its turn: who comes after plain Celery finds the machine busier."""
    first = number % len(crowds)
    return [*crowds[first:], *crowds[:first]]


def _median(rounds: Sequence[Spent], of: Callable[[Spent], float]) -> float:
    """Of one call."""
    return median([of(one) / one.calls for one in rounds])


def main() -> None:
    arguments = _arguments()
    with stage() as cell, plain_celery(cell.broker_url, slots=16) as celery:
        bench = GateBench(cell.redis, arguments.most)
        bench.fill()
        bench.run(arguments.rounds, PlainTask(celery, "plain.kept"))
    bench.tell()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_gate")
    parser.add_argument("--most", type=int, default=100_000, help="tenants of the largest crowd")
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()

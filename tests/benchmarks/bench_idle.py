"""What tenants cost that have nothing to do: 10,000 of them, each known to the gate from a job that it once had.

Two stages play side by side, each with servers of its own and one worker that serves every family of a tier; one of
them has the idle tenants. Both are watched over the same seconds, so that what disturbs the machine disturbs both. The
difference is what the tenants cost.

    python -m tests.benchmarks.bench_idle [--tenants 10000] [--seconds 15] [--rounds 3]
"""

import argparse
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from shared import ids
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.gate import keys
from shared.gate.values import Ending, Offer
from tests.benchmarks.crowd import make_tenants
from tests.benchmarks.gated import gated
from tests.benchmarks.processes import gate_worker
from tests.benchmarks.report import median, progress, say, table
from tests.benchmarks.resources import Resources, Used
from tests.benchmarks.stage import BATCH, stage

SLOTS = 16

TIER = "pro"

LANE = f"{Family.TURNS}.{TIER}"

#: Seconds of a lease that is given back at once.
LEASE = 30.0


@dataclass(frozen=True)
class Watched:
    """A second of a stage: percent of one core, by process; commands of Redis; megabytes at the end."""

    redis: float
    postgres: float
    worker: float
    commands: float
    redis_mb: float
    worker_mb: float

    @classmethod
    def between(cls, before: Used, after: Used) -> "Watched":
        seconds = after.at - before.at
        return cls(
            100 * (after.redis_cpu - before.redis_cpu) / seconds,
            100 * (after.postgres_cpu - before.postgres_cpu) / seconds,
            100 * (after.worker_cpu - before.worker_cpu) / seconds,
            (after.commands - before.commands) / seconds,
            after.redis_bytes / 1e6,
            after.worker_bytes / 1e6,
        )

    @property
    def cpu(self) -> float:
        return self.redis + self.postgres + self.worker

    @property
    def memory(self) -> float:
        return self.redis_mb + self.worker_mb


@contextmanager
def watched_stage(tenants: int) -> Iterator[Resources]:
    """A stage with so many tenants, of whom the gate knows, and a worker."""
    names = [f"idle-{number}" for number in range(tenants)]
    with stage() as cell:
        make_tenants(cell, names, TIER)
        _let_pass(cell, names)
        with gate_worker("workers.app", cell, *(f"{family}.{TIER}" for family in Family), slots=SLOTS) as worker:
            yield Resources(cell, worker)


def _let_pass(cell: Cell, names: Sequence[str]) -> None:
    """One job of each tenant comes and goes."""
    numbers = count(1)
    for first in range(0, len(names), BATCH):
        batch = names[first : first + BATCH]
        jobs = [Offer(ids.new(), LANE, 1.0, keys.score(5, next(numbers)), 1.0, gated(name)) for name in batch]
        cell.gate.offer(jobs)
        while (lease := cell.gate.claim("benchmark", [LANE], LEASE).lease) is not None:
            cell.gate.release(Ending(lease, 1.0))


def watch(stages: Sequence[Resources], seconds: float) -> list[Watched]:
    """All of them over the same seconds."""
    before = [each.used() for each in stages]
    threading.Event().wait(seconds)
    return [Watched.between(used, each.used()) for used, each in zip(before, stages, strict=True)]


def main() -> None:
    arguments = _arguments()
    rounds = []
    with watched_stage(0) as nobody, watched_stage(arguments.tenants) as idle:
        watch([nobody, idle], arguments.settle)  # what starts up costs more than what stands
        for number in range(1, arguments.rounds + 1):
            progress(f"round {number} of {arguments.rounds}")
            rounds.append(watch([nobody, idle], arguments.seconds))
    _tell(*(_typical(each) for each in zip(*rounds, strict=True)), tenants=arguments.tenants)


def _typical(rounds: Sequence[Watched]) -> Watched:
    """The median of each figure."""
    columns = zip(*(vars(one).values() for one in rounds), strict=True)
    return Watched(*(median(column) for column in columns))


def _tell(nobody: Watched, idle: Watched, *, tenants: int) -> None:
    words = {
        "Redis, % of a core": "redis",
        "Postgres, % of a core": "postgres",
        "worker, % of a core": "worker",
        "all, % of a core": "cpu",
        "commands of Redis per second": "commands",
        "Redis, MB": "redis_mb",
        "worker, MB": "worker_mb",
    }
    rows = [(label, getattr(nobody, name), getattr(idle, name)) for label, name in words.items()]
    table(["", "nobody", f"{tenants:,} idle", "difference"], *([*row, row[2] - row[1]] for row in rows), digits=2)
    figures = {
        "cpu_percent": idle.cpu - nobody.cpu,
        "commands_per_s": idle.commands - nobody.commands,
        "memory_mb": idle.memory - nobody.memory,
        "redis_cpu_percent": idle.redis - nobody.redis,
        "redis_memory_mb": idle.redis_mb - nobody.redis_mb,
    }
    baseline = {"cpu_percent": nobody.cpu, "commands_per_s": nobody.commands, "memory_mb": nobody.memory}
    say("idle", figures, baseline)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_idle")
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=15.0, help="length of a round")
    parser.add_argument("--settle", type=float, default=5.0, help="seconds before the first round")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()

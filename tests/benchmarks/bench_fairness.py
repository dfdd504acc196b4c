"""The noisy neighbour: how long light tenants wait for their start while another floods.

One tenant has 5,000 jobs of 50 ms, twenty light ones of its tier ask once a second each, sixteen slots serve them all;
no limit holds anyone back. Each round measures the light tenants alone, beside the flood, and the same flood and the
same now and then as plain Celery tasks: in one queue, and in a queue for each tenant (with half the flood: its length
changes nothing there). Once, with half the flood: a flooder in each of three tiers, and a thousand light tenants that
ask no more often together than the twenty.

    python -m tests.benchmarks.bench_fairness [--jobs 5000] [--alone 100] [--rounds 2]
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.cell import Cell
from shared.settings import next_redis_database
from tests.benchmarks.crowd import make_tenants
from tests.benchmarks.neighbours import OnCelery, OnHeadgate, Seen
from tests.benchmarks.plain_celery import plain_celery
from tests.benchmarks.processes import gate_worker
from tests.benchmarks.report import Figures, at_least, at_most, judge, median, progress, say, table, tails
from tests.benchmarks.stage import count_rows, stage

SLOTS = 16

#: Tiers that every database has, and whose lanes the worker serves.
TIERS = ("free", "pro", "enterprise")

#: Tenants that ask now and then, in each case; those of the tiers in turn.
LIGHT = [f"light-{number}" for number in range(20)]
SPREAD = [f"spread-{number}" for number in range(20)]
THOUSAND = [f"crowd-{number}" for number in range(1000)]

TARGETS = (
    at_most("light_p50_vs_alone", 1.5),
    at_most("light_p99_vs_alone", 3),
    at_least("heavy_rate_vs_celery", 0.9),
)

#: Milliseconds within which a light tenant's median job must start.
BOUND = 100.0


@dataclass
class Case:
    """What was seen of one case, round by round."""

    words: str
    seen: list[Seen] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return tails([one.waits() for one in self.seen])[0]

    @property
    def p99(self) -> float:
        return tails([one.waits() for one in self.seen])[1]

    @property
    def rate(self) -> float | None:
        """None where nobody floods."""
        return median([one.rate for one in self.seen]) or None

    def figures(self, name: str) -> Figures:
        waits = {f"{name}light_p50_ms": self.p50, f"{name}light_p99_ms": self.p99}
        return waits | ({f"{name}heavy_jobs_per_s": self.rate} if self.rate else {})


class Fairness:
    def __init__(self, cell: Cell, jobs: int, alone: int) -> None:
        self._cell, self._jobs, self._alone = cell, jobs, alone
        self.alone, self.flood = Case("alone"), Case("beside a flood")
        self.tiers, self.thousand = Case("a flooder in each tier"), Case("a thousand light tenants")
        self.celery, self.queues = Case("plain Celery"), Case("plain Celery, a queue for each tenant")
        make_tenants(cell, ["heavy", *LIGHT, *THOUSAND])
        for tier in TIERS:
            make_tenants(cell, [f"heavy-{tier}", *_spread(tier)], tier)

    def run(self, rounds: int) -> None:
        with self._celery() as (one_queue, many), gate_worker("workers.app", self._cell, *_lanes(), slots=SLOTS):
            light = OnHeadgate(self._cell, LIGHT)
            light.flooded({"heavy": 4 * SLOTS})  # the first of everything is cold
            count_rows(self._cell)
            for number in range(1, rounds + 1):
                progress(f"round {number} of {rounds}")
                self.alone.seen.append(light.alone(self._alone))
                self.flood.seen.append(light.flooded({"heavy": self._jobs}))
                self.celery.seen.append(one_queue.flooded(self._jobs))
                self.queues.seen.append(many.flooded(self._jobs // 2))
            progress("other floods, other crowds")
            each = self._jobs // 2 // len(TIERS)
            self.tiers.seen.append(OnHeadgate(self._cell, SPREAD).flooded({f"heavy-{tier}": each for tier in TIERS}))
            self.thousand.seen.append(OnHeadgate(self._cell, THOUSAND).flooded({"heavy": self._jobs // 2}))

    @contextmanager
    def _celery(self) -> Iterator[tuple[OnCelery, OnCelery]]:
        """As Celery comes; and as well as it can do with queues: it takes from them in turn, no task beforehand."""
        url, queues = self._cell.broker_url, [OnCelery.HEAVY, *LIGHT]
        with (
            plain_celery(url, slots=SLOTS) as one,
            plain_celery(next_redis_database(url), slots=SLOTS, queues=queues, prefetch=1) as many,
        ):
            yield OnCelery(one, LIGHT), OnCelery(many, LIGHT, queues=True)

    def show(self) -> None:
        """For people."""
        cases = (self.alone, self.flood, self.thousand, self.tiers, self.celery, self.queues)
        rows = [[case.words, case.p50, case.p99, case.rate] for case in cases]
        rows[4:4] = [[f"    light ones in {tier}", *self._waits_in(tier), None] for tier in TIERS]
        table(["", "light p50 ms", "light p99 ms", "heavy jobs/s"], *rows)

    def tell(self) -> None:
        figures: dict[str, float | None] = {}
        for name, case in (("", self.flood), ("tiers_", self.tiers), ("thousand_", self.thousand)):
            figures[f"{name}light_p50_vs_alone"] = case.p50 / self.alone.p50
            figures[f"{name}light_p99_vs_alone"] = case.p99 / self.alone.p99
            figures |= case.figures(name)
        for tier in TIERS:
            figures[f"tiers_{tier}_light_p50_ms"], figures[f"tiers_{tier}_light_p99_ms"] = self._waits_in(tier)
        if self.flood.rate and self.celery.rate:
            figures["heavy_rate_vs_celery"] = self.flood.rate / self.celery.rate
        baseline: dict[str, float | None] = {}
        for name, case in (("alone_", self.alone), ("plain_celery_", self.celery), ("celery_queues_", self.queues)):
            baseline |= case.figures(name)
        judge(figures, TARGETS)
        say("fairness", figures, baseline)

    def _waits_in(self, tier: str) -> tuple[float, float]:
        return tails([one.waits(_spread(tier)) for one in self.tiers.seen])


def _spread(tier: str) -> Sequence[str]:
    """The light tenants of this tier."""
    return SPREAD[TIERS.index(tier) :: len(TIERS)]


def _lanes() -> list[str]:
    return [f"ops.{tier}" for tier in TIERS]


def main() -> int:
    arguments = _arguments()
    with stage() as cell:
        fairness = Fairness(cell, arguments.jobs, arguments.alone)
        fairness.run(arguments.rounds)
    fairness.show()
    fairness.tell()
    return 0 if fairness.flood.p50 < BOUND else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_fairness")
    parser.add_argument("--jobs", type=int, default=5000, help="jobs of the flood")
    parser.add_argument("--alone", type=int, default=100, help="jobs of the light tenants alone")
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

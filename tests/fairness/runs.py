"""Every workload under every scheduler."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tests.fairness import baselines, measures
from tests.fairness.headgate import Headgate
from tests.fairness.scheduler import Queues
from tests.fairness.simulation import Trace, play
from tests.fairness.workload import Workload
from tests.support.gates import timed_gate

#: Headgate as it begins: what a tenant's first jobs cost is not known. And after one job of each tenant.
COLD, WARM = "Headgate", "Headgate, warm"

#: The schedulers in plain Python, by the name that tables and plots have.
PLAIN: Mapping[str, type[Queues]] = {
    "first come": baselines.FirstCome,
    "per minute": baselines.PerMinute,
    "round robin": baselines.RoundRobin,
    "least counter": baselines.LeastCounter,
    "VTC": baselines.VirtualTokenCounter,
}

NAMES = (*PLAIN, COLD, WARM)


@dataclass(frozen=True)
class Outcome:
    """One run, measured. `apart` and `behind` are over U: the bounds are 2 and 4."""

    trace: Trace

    @cached_property
    def difference(self) -> measures.Difference:
        return measures.difference(self.trace)

    @cached_property
    def apart(self) -> float:
        return measures.apart(self.trace) / self.trace.workload.in_flight

    @cached_property
    def behind(self) -> float:
        return measures.behind(self.trace) / self.trace.workload.in_flight

    @cached_property
    def curve(self) -> list[float]:
        """How far two tenants are apart, at each second, over U."""
        return [value / self.trace.workload.in_flight for value in measures.apart_over_time(self.trace)]

    @property
    def waits(self) -> tuple[float, float]:
        """Of the tenants that ask for less than their share: the median wait and the longest, in seconds."""
        waits = [wait for tenant in self.trace.workload.modest for wait in self.trace.waits[tenant]]
        return statistics.median(waits), max(waits)


def outcomes(workload: Workload, redis_url: str) -> dict[str, Outcome]:
    """By the scheduler's name, in the order of `NAMES`."""
    return {name: Outcome(trace) for name, trace in _traces(workload, redis_url)}


def _traces(workload: Workload, redis_url: str) -> Iterator[tuple[str, Trace]]:
    for name, scheduler in PLAIN.items():
        yield name, play(workload, scheduler(workload))
    with timed_gate(redis_url) as gate:
        yield COLD, play(workload, Headgate(workload, gate))
    with timed_gate(redis_url) as gate:
        yield WARM, play(workload, Headgate(workload, gate).warm())

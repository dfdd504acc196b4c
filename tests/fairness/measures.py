"""How fair a run was: the VTC paper's measure, and its two bounds. Service is over weight throughout.

The bounds hold between any two moments. They are looked for at whole seconds: what happens within one is at most what
the slots serve in a second, a tenth of U or less.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tests.fairness.simulation import Trace

#: Seconds over which the paper's measure looks at service.
WINDOW = 60


@dataclass(frozen=True)
class Difference:
    """The paper's measure over a run, in service a second."""

    largest: float
    mean: float
    variance: float


def difference(trace: Trace) -> Difference:
    """At each second, how much less the tenant that fared worst had than it asked for and another had."""
    values = list(_differences(trace))
    return Difference(max(values), statistics.fmean(values), statistics.pvariance(values))


def _differences(trace: Trace) -> Iterator[float]:
    served, asked = list(_shares(trace, trace.served).values()), list(_shares(trace, trace.asked).values())
    for end in range(WINDOW, trace.workload.seconds + 1):
        had = [(series[end] - series[end - WINDOW]) / WINDOW for series in served]
        wanted = [(series[end] - series[end - WINDOW]) / WINDOW for series in asked]
        most = max(had)
        yield max(min(most - s, demand - s) for s, demand in zip(had, wanted, strict=True))


def apart(trace: Trace) -> float:
    """The most that two tenants' service differed in an interval in which both were backlogged."""
    return max((max(ahead) - min(ahead) for _, ahead in _both_backlogged(trace)), default=0.0)


def apart_over_time(trace: Trace) -> list[float]:
    """At each second, how far two tenants' service has come apart since both have been backlogged: the worst pair."""
    worst = [0.0] * (trace.workload.seconds + 1)
    for begin, ahead in _both_backlogged(trace):
        for second, by in enumerate(ahead, begin):
            worst[second] = max(worst[second], abs(by - ahead[0]))
    return worst


def behind(trace: Trace) -> float:
    """The most by which a backlogged tenant's service fell behind any other's, in any interval of its backlog."""
    worst, served = 0.0, _shares(trace, trace.served)
    for tenant, mine in served.items():
        for begin, end in intervals(trace.backlogged[tenant]):
            for theirs in served.values():
                worst = max(worst, _rise([theirs[second] - mine[second] for second in range(begin, end + 1)]))
    return worst


def _rise(ahead: Sequence[float]) -> float:
    """The most by which a later value is above an earlier one."""
    most, least = 0.0, ahead[0]
    for by in ahead:
        least = min(least, by)
        most = max(most, by - least)
    return most


def _both_backlogged(trace: Trace) -> Iterator[tuple[int, list[float]]]:
    """Each interval in which both of a pair were backlogged: its first second, and by how much one was ahead."""
    served = _shares(trace, trace.served)
    for one, other in combinations(trace.workload.tenants, 2):
        both = [a and b for a, b in zip(trace.backlogged[one], trace.backlogged[other], strict=True)]
        for begin, end in intervals(both):
            yield begin, [served[one][second] - served[other][second] for second in range(begin, end + 1)]


def intervals(throughout: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last second of each stretch; an entry speaks of the second that ended there."""
    begin = None
    for second, holds in enumerate([*throughout, False]):
        if holds and begin is None:
            begin = second - 1
        elif not holds and begin is not None:
            yield begin, second - 1
            begin = None


def _shares(trace: Trace, service: dict[str, list[float]]) -> dict[str, list[float]]:
    weight = trace.workload.weight
    return {tenant: [value / weight(tenant) for value in values] for tenant, values in service.items()}

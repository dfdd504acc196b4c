"""When requests come, in seconds, as the VTC paper's workloads have them. Rates are requests a second."""

from collections.abc import Iterator
from random import Random


def steady(rate: float, begin: float, end: float) -> Iterator[float]:
    """One after the other at even distances."""
    moment = begin + 0.5 / rate
    while moment < end:
        yield moment
        moment += 1 / rate


def on_and_off(rate: float, begin: float, end: float, phase: float = 60.0) -> Iterator[float]:
    """The same in every other phase, from the first on; nothing in between."""
    return (moment for moment in steady(rate, begin, end) if (moment - begin) // phase % 2 == 0)


def rising(first: float, last: float, begin: float, end: float) -> Iterator[float]:
    """At a rate that grows evenly."""
    moment = begin + 0.5 / first
    while moment < end:
        yield moment
        moment += 1 / (first + (last - first) * (moment - begin) / (end - begin))


def poisson(rate: float, begin: float, end: float, chance: Random) -> Iterator[float]:
    """At random, each independent of the others."""
    moment = begin + chance.expovariate(rate)
    while moment < end:
        yield moment
        moment += chance.expovariate(rate)

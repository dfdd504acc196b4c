"""The workloads of the VTC paper (arXiv 2401.00588, section 5), at its rates and about half as long. Chance is seeded.

Its trace of an arena of 27 models cannot be shipped; one of the same size and shape is drawn in its place.
"""

from collections.abc import Iterator
from random import Random

from tests.fairness.arrivals import on_and_off, poisson, rising, steady
from tests.fairness.workload import Asked, Lengths, Workload

#: Seconds in a minute: the paper's durations are told in minutes.
MINUTE = 60


def _overload() -> Workload:
    asked = Asked().by("a", steady(1.5, 0, 4 * MINUTE)).by("b", steady(3, 0, 4 * MINUTE))
    return Workload("overload", "two tenants ask for 1 and 2 times what there is", 4 * MINUTE, asked.all())


def _overload_of_eight() -> Workload:
    asked = Asked()
    for number, rate in enumerate([0.4] * 3 + [0.6] * 5, 1):
        asked.by(f"t{number}", steady(rate, 0, 4 * MINUTE))
    return Workload("overload of eight", "three ask for 2 times their share, five for 3", 4 * MINUTE, asked.all())


def _weights() -> Workload:
    asked, weights = Asked(), {"w1": 1.0, "w2": 2.0, "w3": 3.0, "w4": 4.0}
    for tenant in weights:
        asked.by(tenant, steady(1, 0, 4 * MINUTE))
    about = "four tenants of weights 1 to 4 ask for the same, too much"
    return Workload("weights", about, 4 * MINUTE, asked.all(), weights)


def _proportional() -> Workload:
    asked = Asked()
    for tenant, rate in {"a": 0.25, "b": 0.5, "c": 1.5}.items():
        asked.by(tenant, steady(rate, 0, 6 * MINUTE))
    return Workload(
        "proportional",
        "one asks for half its share, one for it, one for thrice",
        6 * MINUTE,
        asked.all(),
        modest=("a",),
    )


def _on_off_under() -> Workload:
    asked = Asked().by("a", on_and_off(0.5, 0, 6 * MINUTE)).by("b", steady(2, 0, 6 * MINUTE))
    about = "one asks for less than its share, every other minute; one for too much"
    return Workload("on/off, under", about, 6 * MINUTE, asked.all(), modest=("a",))


def _on_off_over() -> Workload:
    asked = Asked().by("a", on_and_off(2, 0, 6 * MINUTE)).by("b", steady(3, 0, 6 * MINUTE))
    about = "one asks for too much every other minute, one always"
    return Workload("on/off, over", about, 6 * MINUTE, asked.all())


def _short_and_long() -> Workload:
    asked = Asked().by("short", poisson(8, 0, 4 * MINUTE, Random(1)), (64, 64))
    asked.by("long", poisson(1.5, 0, 4 * MINUTE, Random(2)))
    return Workload("Poisson, short and long", "requests of 64 + 64 and of 256 + 256 tokens", 4 * MINUTE, asked.all())


def _in_and_out() -> Workload:
    asked = Asked().by("reads", poisson(8, 0, 4 * MINUTE, Random(3)), (512, 32))
    asked.by("writes", poisson(1.5, 0, 4 * MINUTE, Random(4)), (32, 512))
    return Workload("Poisson, in and out", "requests of 512 + 32 and of 32 + 512 tokens", 4 * MINUTE, asked.all())


def _increasing() -> Workload:
    asked = Asked().by("a", steady(0.5, 0, 6 * MINUTE)).by("b", rising(0.2, 2, 0, 6 * MINUTE))
    about = "one asks for less than its share, the other for ever more"
    return Workload("increasing", about, 6 * MINUTE, asked.all(), modest=("a",))


def _shift() -> Workload:
    first, second, third = 3 * MINUTE, 6 * MINUTE, 9 * MINUTE
    asked = Asked().by("a", on_and_off(0.5, 0, first)).by("b", steady(2, 0, first))
    asked.by("a", steady(1, first, second)).by("b", steady(1, first, second))
    asked.by("a", steady(0.5, second, third)).by("b", steady(1.5, second, third))
    about = "three minutes each of on/off, of equal overload, of one under and one over its share"
    return Workload("shift", about, third, asked.all())


def _arena() -> Workload:
    tenants, rate, seconds = 27, 3.5, 5 * MINUTE
    harmonic = sum(1 / rank for rank in range(1, tenants + 1))
    asked = Asked()
    for rank in range(1, tenants + 1):
        moments = poisson(rate / rank / harmonic, 0, seconds, Random(100 + rank))
        asked.by(f"t{rank:02}", moments, _chat(Random(200 + rank)))
    about = "popularity by Zipf, lengths as in chats, 210 requests a minute"
    return Workload("arena of 27", about, seconds, asked.all())


def _chat(chance: Random) -> Iterator[Lengths]:
    """Lengths as the paper tells of its trace: 136 in and 256 out in the mean, 1 to 1,024, most short and some long."""
    while True:
        # Means of a lognormal that is cut at 1,024: found by trial.
        yield _cut(chance.lognormvariate(4.35, 1.1)), _cut(chance.lognormvariate(5.25, 0.95))


def _cut(length: float) -> int:
    return min(max(round(length), 1), 1024)


WORKLOADS: tuple[Workload, ...] = (
    _overload(),
    _overload_of_eight(),
    _weights(),
    _proportional(),
    _on_off_under(),
    _on_off_over(),
    _short_and_long(),
    _in_and_out(),
    _increasing(),
    _shift(),
    _arena(),
)

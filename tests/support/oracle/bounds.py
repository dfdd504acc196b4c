"""What must hold whatever the gate does, said without the model's help wherever that is possible.

A limit is never exceeded by a start, nor a rate in any stretch of time, nor a hard budget by a reservation; and virtual
times stay as near to each other as the work in flight allows.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import permutations

from shared.contracts.kinds import Family
from shared.gate.limits import Limits
from tests.support.books import Books
from tests.support.oracle.jobs import family_of
from tests.support.oracle.money import KINDS
from tests.support.oracle.pair import Pair
from tests.support.oracle.state import Happened

#: Where it is told which of the windows (hour, day, month) a name is of.
WINDOWS = "hdm"

#: Room for rounding.
ALIKE = 1e-6


@dataclass
class Bounds:
    """What was seen at the step before."""

    epoch: int = 0
    before: Books | None = None
    rates: dict[str, tuple[int, int]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def check(self, pair: Pair, books: Books) -> None:
        if pair.epoch != self.epoch:
            self.epoch, self.before = pair.epoch, None
            self.starts.clear()
        self._limits_hold(pair, books)
        self._rates_hold(pair)
        self._budgets_hold(pair, books)
        _newcomers_wait_for_running_jobs_only(pair, books)
        if self.before is not None:
            _the_ready_stay_together(self.before, books, pair.model.happened)
            _idling_banks_nothing(self.before, books)
        settled = pair.model.happened.settled
        self.before, pair.model.happened = books, Happened(settled=settled)

    def _limits_hold(self, pair: Pair, books: Books) -> None:
        """More than a limit may run only where the limit was lowered, or by a rebuild: then no more than before."""
        for tenant in pair.model.tenants.values():
            running = running_of(books, tenant.name)
            earlier = running_of(self.before, tenant.name) if self.before else running
            for name in ("running", *Family):
                assert running[name] <= max(_limit(tenant.told.limits, name), earlier[name]), (tenant.name, name)

    def _rates_hold(self, pair: Pair) -> None:
        """In any stretch of time no more starts than the rate gives, and a burst."""
        for tenant in pair.model.tenants.values():
            rate = (tenant.told.limits.rate, tenant.told.limits.burst)
            if self.rates.get(tenant.name) != rate:
                self.starts[tenant.name].clear()
            self.rates[tenant.name] = rate
        for moment, lease in pair.starts:
            if family_of(lease.lane) != Family.OPS:
                self.starts[lease.tenant].append(moment)
        pair.starts.clear()
        for name, starts in self.starts.items():
            per_minute, burst = self.rates[name]
            for i, since in enumerate(starts if per_minute else ()):
                assert len(starts) - i <= burst + (starts[-1] - since) * per_minute / 60_000 + ALIKE, name

    def _budgets_hold(self, pair: Pair, books: Books) -> None:
        """What is drawn and held grows only by a reservation that finds room in every hard budget."""
        earlier = _taken(self.before) if self.before else Counter[tuple[str, str, str]]()
        for (tenant, window, unit), taken in _taken(books).items():
            if self.before is None or taken <= earlier[tenant, window, unit]:
                continue
            for name, its_unit, kind in KINDS:
                budget = getattr(pair.model.tenants[tenant].told.budgets, name)
                if budget and budget.hard and (unit, window[0]) == (its_unit, WINDOWS[kind]):
                    assert taken <= budget.limit, f"{tenant} overdrew {name}"


def _newcomers_wait_for_running_jobs_only(pair: Pair, books: Books) -> None:
    """The clock that newcomers are lifted to is what somebody was served.

    And nobody was served beyond it, but for what ended since its last claim: jobs that ran when that was made.
    """
    served: dict[str, float] = {}
    for tenant, lane, part in books.parts():
        mine = part["time"] - pair.model.charged(tenant, lane)
        settled = pair.model.happened.settled[lane, tenant]
        assert mine <= books.lanes[lane]["clock"] + settled + ALIKE, f"{tenant} is ahead in {lane}"
        served[lane] = max(mine, served.get(lane, 0.0))
    for lane, most in served.items():
        assert books.lanes[lane]["clock"] <= most + ALIKE, f"nobody was served as much as newcomers in {lane}"


def _idling_banks_nothing(before: Books, after: Books) -> None:
    """Who begins to wait for slots begins at the lane's clock."""
    stood = {(tenant, lane): part["stands"] for tenant, lane, part in before.parts()}
    for tenant, lane, part in after.parts():
        begins = part["stands"] == "ready" and stood.get((tenant, lane), "idle") in ("idle", "blocked")
        assert not begins or part["time"] >= before.lanes[lane].get("clock", 0) - ALIKE, f"{tenant} banked in {lane}"


def _the_ready_stay_together(before: Books, after: Books, happened: Happened) -> None:
    """Of two that stand ready, one gets ahead by one charge at most, and by what mistakes were put right."""
    for lane, ready in after.ready.items():
        both = [tenant for tenant in ready if tenant in before.ready[lane] and (lane, tenant) not in happened.lifted]
        for one, other in permutations(both, 2):
            was = before.ready[lane][one] - before.ready[lane][other]
            mistakes = happened.raised[lane, one] + happened.lowered[lane, other]
            bound = max(was, happened.charges[lane, one]) + mistakes
            assert ready[one] - ready[other] <= bound + ALIKE, f"{one} got ahead of {other} in {lane}"


def running_of(books: Books, tenant: str) -> Counter[str]:
    """By family, and in all."""
    mine = [_job for _job in books.jobs.values() if _job["tenant"] == tenant and "lease" in _job]
    return Counter([family_of(job["lane"]).value for job in mine] + ["running"] * len(mine))


def _limit(limits: Limits, name: str) -> int:
    return int(getattr(limits, name))


def _taken(books: Books) -> Counter[tuple[str, str, str]]:
    """Drawn and held, by tenant, window and unit."""
    taken: Counter[tuple[str, str, str]] = Counter()
    for tenant, record in books.budgets.items():
        for window, amounts in dict(record.get("windows") or {}).items():
            for unit in ("tokens", "nanos"):
                taken[tenant, window, unit] = amounts[unit] + amounts[f"held_{unit}"]
    return taken

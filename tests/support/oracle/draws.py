"""What the oracle draws from: few tenants, lanes and keys with small limits, so that they get in each other's way."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from shared.gate.keys import score
from shared.gate.limits import Configuration
from shared.gate.values import Offer
from tests.support.gates import LEASE

TENANTS = ("a", "b", "c")
LANES = ("turns.pro", "turns.free", "turns@a", "ingest.pro", "ops.pro")
WORKERS = ("w1", "w2")
SLOTS = 3

tenants = st.sampled_from(TENANTS)
workers = st.sampled_from(WORKERS)
#: Two of them most of the time, so that tenants meet there.
lanes = st.sampled_from([*LANES[:2] * 3, *LANES[2:]])
#: What a worker serves: everything, one lane, or some.
served = st.sampled_from([LANES, LANES, LANES[:1], LANES[:2], LANES[1:4]])
costs = st.sampled_from([0.0, 1.0, 3.0, 10.0])
weights = st.sampled_from([0.5, 1.0, 4.0])
keys = st.sampled_from([None, None, None, "k", "k", "l"])
amounts = st.integers(0, 6)
#: Seconds; also as long as a lease, and longer than an hour, so that windows end.
steps = st.sampled_from([0.01, 0.3, 1.0, 1.0, 5.0, LEASE, 3600.0])
#: How long before it asks for room a call was intended, in hours: the window before the newest may get more.
ago = st.sampled_from([0, 0, 0, 1])
steps_back = st.sampled_from([0.02, 0.5, 2.0])
delays = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.5, 2.0])

_budget = st.none() | st.fixed_dictionaries(
    {"limit": st.sampled_from([6, 8, 12, 0]), "hard": st.sampled_from([True, True, False])}
)
_budgets = st.fixed_dictionaries(
    {"tokens_hour": _budget, "usd_day": _budget, "usd_month": _budget, "over": st.sampled_from(["wait", "deny"])}
)
_few = st.sampled_from([1, 2, 3, 2, 1, 4, 3, 0])
_limits = st.fixed_dictionaries({"running": _few, "turns": _few, "ingest": _few, "ops": _few})
_rates = st.fixed_dictionaries({"rate": st.sampled_from([0, 60, 90, 600]), "burst": st.integers(1, 3)})
_hands = st.sampled_from([{}, {}, {"is_open": False}, {"paused": True}])

#: A tenant's configuration as it begins, as `configuration` takes it.
beginnings = st.fixed_dictionaries(
    {
        "running": st.integers(1, 6),
        "turns": st.integers(1, 4),
        "ingest": st.integers(1, 2),
        "ops": st.just(1),
        "rate": st.sampled_from([0, 0, 0, 60, 600]),
        "burst": st.integers(1, 3),
        "weight": weights,
        "budgets": _budgets,
    }
)
#: One part of it, changed. A hand that was laid on a tenant is taken off with the next change.
changes = st.one_of(
    _limits,
    _rates,
    _rates,
    _hands,
    st.fixed_dictionaries({"weight": weights}),
    st.fixed_dictionaries({"budgets": _budgets}),
)


@dataclass(frozen=True)
class Asked:
    """A job that somebody asks for; `delay` in seconds."""

    lane: str
    tenant: str
    priority: int
    cost: float
    delay: float
    key: str | None
    lane_weight: float

    def offer(self, number: int, now: datetime, told: Configuration) -> Offer:
        """The job accepted as number so-and-so. Its id is made from that, so that a story can be told again."""
        due = now + timedelta(seconds=self.delay) if self.delay else None
        place = score(self.priority, number)
        return Offer(UUID(int=number), self.lane, self.lane_weight, place, self.cost, told, due, self.key)


def _asked(lane: str) -> st.SearchStrategy[Asked]:
    """A tenant's own lane has its jobs only."""
    _, _, owner = lane.partition("@")
    return st.builds(
        Asked,
        lane=st.just(lane),
        tenant=st.just(owner) if owner else tenants,
        priority=st.integers(0, 9),
        cost=costs,
        delay=delays,
        key=keys,
        lane_weight=weights,
    )


asked = lanes.flatmap(_asked)
#: A job of the one ordering key.
keyed = asked.map(lambda asked: replace(asked, key="k"))

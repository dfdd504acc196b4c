"""What stands at the gate, as people and metrics see it: lanes, the backlogs in them, and what holds each back."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Why(StrEnum):
    """What keeps a backlog's next job from a free slot; none: only its turn."""

    SUSPENDED = "suspended"
    PAUSED = "paused"
    LANE_PAUSED = "lane_paused"
    LIMIT = "zero_limit"
    BUDGET = "budget"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    UNSERVED = "no_worker"


#: As the scripts call them (`scripts/place.lua`).
AT_GATE: Mapping[str, Why] = {
    "closed": Why.SUSPENDED,
    "paused": Why.PAUSED,
    "limit": Why.LIMIT,
    "budget": Why.BUDGET,
    "rate": Why.RATE,
}


#: What stands in a lane that workers serve and no job has come to yet.
UNUSED = {"running": 0, "eligible": 0, "live": 0, "clock": 0, "paused": False}

COUNTS = ("waiting", "running", "held", "delayed", "oldest")


@dataclass(frozen=True)
class Backlog:
    """A tenant's jobs in one lane.

    `waiting` may start when their turn comes, `held` stand behind their ordering key, `delayed` are for later.
    `oldest`: milliseconds since the next one was offered; `time`: virtual, cost over weight; `stands`: idle, ready,
    full (as many run as may), blocked; `until`: the moment at which time alone may let it go on.
    """

    lane: str
    tenant: str
    waiting: int
    running: int
    held: int
    delayed: int
    oldest: int
    time: float
    stands: str
    reason: Why | None
    until: datetime | None


@dataclass(frozen=True)
class LaneSeen:
    """A lane. `eligible`: jobs that could start now; `live`: permits that are out; `clock`: its virtual time.

    `slots` of workers that serve it, which may serve others too.
    """

    lane: str
    waiting: int
    running: int
    slots: int
    eligible: int
    live: int
    clock: float
    paused: bool


@dataclass(frozen=True)
class View:
    """`workers` at work; `delayed` jobs of all tenants."""

    lanes: Sequence[LaneSeen]
    backlogs: Sequence[Backlog]
    workers: int
    delayed: int


def view(seen: Mapping[str, Any]) -> View:
    """Of what `Gate.look` answers."""
    slots, waiting = dict(seen["slots"]), Counter[str]()
    paused = {lane["lane"] for lane in seen["lanes"] if lane["paused"]}
    backlogs = sorted((_backlog(told, paused, slots) for told in seen["backlogs"]), key=lambda x: (x.lane, x.tenant))
    for backlog in backlogs:
        waiting[backlog.lane] += backlog.waiting
    known = {told["lane"]: told for told in seen["lanes"]}
    lanes = [_lane(known.get(name, UNUSED | {"lane": name}), waiting, slots) for name in sorted({*known, *slots})]
    return View(lanes, backlogs, seen["workers"], seen["delayed"])


def _lane(told: Mapping[str, Any], waiting: Mapping[str, int], slots: Mapping[str, int]) -> LaneSeen:
    name = told["lane"]
    there = {field: told[field] for field in ("lane", "running", "eligible", "live", "paused")}
    return LaneSeen(**there, waiting=waiting.get(name, 0), slots=slots.get(name, 0), clock=float(told["clock"]))


def _backlog(told: Mapping[str, Any], paused: Collection[str], slots: Mapping[str, int]) -> Backlog:
    there = {field: told[field] for field in ("lane", "tenant", "stands", *COUNTS)}
    until = datetime.fromtimestamp(told["until"] / 1000, UTC) if told["until"] else None
    return Backlog(**there, time=float(told["time"]), reason=_reason(told, paused, slots), until=until)


def _reason(told: Mapping[str, Any], paused: Collection[str], slots: Mapping[str, int]) -> Why | None:
    """The tenant's own obstacles first: what an operator does for a lane or its workers would not help before."""
    if not told["waiting"]:
        return None
    if told["reason"]:
        return AT_GATE[told["reason"]]
    if told["lane"] in paused:
        return Why.LANE_PAUSED
    if told["stands"] == "full":
        return Why.CONCURRENCY
    return None if slots.get(told["lane"]) else Why.UNSERVED

"""What holds a backlog back, told from what the gate answers: the tenant's own obstacles before the lane's."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.kinds import Family
from shared.gate.limits import Limits
from shared.gate.view import Backlog, Why, view
from tests.support.gates import AMPLE

LANE = {"lane": "turns.pro", "running": 1, "eligible": 2, "live": 1, "clock": 7, "paused": False}
BACKLOG = {
    "lane": "turns.pro",
    "tenant": "acme",
    "waiting": 3,
    "running": 1,
    "held": 0,
    "delayed": 0,
    "oldest": 1500,
    "time": 9,
    "stands": "ready",
    "reason": "",
    "until": 0,
}


def seen(*backlogs: dict[str, Any], slots: dict[str, int] | None = None, **lane: Any) -> dict[str, Any]:
    served = {"turns.pro": 4} if slots is None else slots
    return {"lanes": [LANE | lane], "backlogs": backlogs, "workers": 1, "slots": served, "delayed": 0}


def of(told: dict[str, Any]) -> Backlog:
    (backlog,) = view(told).backlogs
    return backlog


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, None),
        ({"stands": "blocked", "reason": "closed"}, Why.SUSPENDED),
        ({"stands": "blocked", "reason": "paused"}, Why.PAUSED),
        ({"stands": "blocked", "reason": "limit"}, Why.LIMIT),
        ({"stands": "blocked", "reason": "budget"}, Why.BUDGET),
        ({"stands": "blocked", "reason": "rate"}, Why.RATE),
        ({"stands": "full"}, Why.CONCURRENCY),
        ({"waiting": 0, "stands": "full"}, None),
    ],
)
def test_a_backlog_says_what_holds_it_back(told: dict[str, Any], why: Why | None) -> None:
    assert of(seen(BACKLOG | told)).reason is why


def test_a_lane_that_is_paused_or_unserved_holds_back_what_could_start() -> None:
    assert of(seen(BACKLOG, slots={})).reason is Why.UNSERVED
    assert of(seen(BACKLOG, slots={}, paused=True)).reason is Why.LANE_PAUSED
    blocked = BACKLOG | {"stands": "blocked", "reason": "budget"}
    assert of(seen(blocked, slots={}, paused=True)).reason is Why.BUDGET


def test_a_time_is_told_where_time_alone_lets_a_backlog_go_on() -> None:
    assert of(seen(BACKLOG)).until is None
    assert of(seen(BACKLOG | {"until": 1_000})).until == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_lane_sums_what_waits_in_it_and_the_slots_that_serve_it() -> None:
    looked = view(seen(BACKLOG, BACKLOG | {"tenant": "globex", "waiting": 4}, slots={"turns.pro": 4, "ops.free": 2}))
    assert [(lane.lane, lane.waiting, lane.slots) for lane in looked.lanes] == [("ops.free", 0, 2), ("turns.pro", 7, 4)]
    assert [backlog.tenant for backlog in looked.backlogs] == ["acme", "globex"]


def test_a_gate_where_nothing_ever_waited_shows_nothing() -> None:
    looked = view({"lanes": {}, "backlogs": {}, "workers": 0, "slots": {}, "delayed": 0})
    assert (looked.lanes, looked.backlogs) == ([], [])


def test_a_family_may_have_a_backlog_of_its_own() -> None:
    limits = Limits.model_validate(AMPLE | {"backlog": 10, "backlog_ingest": 3, "backlog_ops": 0})
    assert [limits.backlog_of(family) for family in (Family.TURNS, Family.INGEST, Family.OPS)] == [10, 3, 0]

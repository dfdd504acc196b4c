"""By the workloads of the VTC paper, in virtual time: Headgate holds the paper's bounds, and what it replaces does not.

A workload is played once, under all schedulers, for all tests of it. Runs are the same each time: all chance is seeded.
"""

from functools import cache

import pytest

from shared.embedded import Servers
from tests.fairness.document import (
    ANY,
    PAGE,
    PAIR,
    PICTURE,
    Outcomes,
    beside_row,
    bounds_row,
    curves,
    section,
    waits_row,
)
from tests.fairness.plot import panel
from tests.fairness.runs import COLD, PLAIN, WARM, outcomes
from tests.fairness.workload import Workload
from tests.fairness.workloads import WORKLOADS

#: Who breaks a bound, by workload: that these do shows that the measure sees it.
BROKEN = {
    "overload": {"first come"},
    "weights": {"first come", "per minute", "round robin"},
    "proportional": {"first come"},
    "on/off, under": {"first come"},
    "on/off, over": {"first come"},
    "Poisson, short and long": {"first come", "per minute", "round robin"},
    "Poisson, in and out": {"first come", "per minute", "round robin"},
    "increasing": {"first come"},
    "shift": {"first come", "least counter"},
}

STALE = "docs/fairness.md is not what runs give: make fairness"


by_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)


@cache
def played(workload: Workload, redis_url: str) -> Outcomes:
    return outcomes(workload, redis_url)


@pytest.fixture
def runs(workload: Workload, servers: Servers) -> Outcomes:
    return played(workload, servers.redis_url)


@by_workload
def test_two_backlogged_tenants_stay_within_twice_the_work_in_flight(runs: Outcomes) -> None:
    assert max(runs[start].apart for start in (COLD, WARM)) <= PAIR


@by_workload
def test_a_backlogged_tenant_falls_behind_no_other_by_four_times_the_work_in_flight(runs: Outcomes) -> None:
    assert max(runs[start].behind for start in (COLD, WARM)) <= ANY


@by_workload
def test_what_headgate_replaces_breaks_the_bounds(workload: Workload, runs: Outcomes) -> None:
    broken = {name for name in PLAIN if runs[name].apart > PAIR or runs[name].behind > ANY}
    assert broken == BROKEN.get(workload.name, set())


@by_workload
@pytest.mark.parametrize("name", [COLD, WARM])
def test_no_slot_stands_free_beside_a_waiting_request(runs: Outcomes, name: str) -> None:
    assert runs[name].trace.idle == 0


@pytest.mark.parametrize("workload", [workload for workload in WORKLOADS if workload.modest], ids=lambda w: w.name)
def test_a_tenant_that_asks_for_less_than_its_share_waits_no_longer_than_a_running_job_takes(
    workload: Workload, runs: Outcomes
) -> None:
    _, longest = runs[WARM].waits
    assert longest <= max(request.seconds for request in workload.requests)


@by_workload
def test_the_page_tells_what_runs_give(workload: Workload, runs: Outcomes) -> None:
    page, told = PAGE.read_text(), (bounds_row, beside_row, section)
    for tell in (*told, waits_row) if workload.modest else told:
        assert tell(workload, runs) in page, STALE


@by_workload
def test_the_picture_shows_what_runs_give(workload: Workload, runs: Outcomes) -> None:
    drawing = PICTURE.read_text()
    for part in panel(workload.name, curves(runs)):
        assert part in drawing, STALE

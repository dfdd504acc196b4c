"""The measures of fairness see what they are named for, on runs small enough to follow by hand."""

import pytest

from tests.fairness import measures
from tests.fairness.request import Request
from tests.fairness.simulation import Trace
from tests.fairness.workload import Workload

#: The measure's window, and some seconds on.
SECONDS = 80


def trace(rates: dict[str, float], backlogged: dict[str, bool], asked: dict[str, float], **weights: float) -> Trace:
    """Tenants that were served, and asked, at even rates."""
    requests = tuple(Request(number, tenant, 0.0, 1, 1) for number, tenant in enumerate(rates))
    made = Trace(Workload("by hand", "", SECONDS, requests, weights))
    for tenant, rate in rates.items():
        made.served[tenant] = [rate * second for second in range(SECONDS + 1)]
        made.asked[tenant] = [asked[tenant] * second for second in range(SECONDS + 1)]
        made.backlogged[tenant] = [False] + [backlogged[tenant]] * SECONDS
    return made


def test_the_difference_is_what_the_worst_served_lacks_of_what_another_had() -> None:
    run = trace({"a": 10, "b": 4}, {"a": True, "b": True}, {"a": 20, "b": 20})
    assert measures.difference(run).largest == pytest.approx(6)


def test_a_tenant_lacks_no_more_than_it_asked_for() -> None:
    run = trace({"a": 10, "b": 4}, {"a": True, "b": True}, {"a": 20, "b": 5})
    assert measures.difference(run).largest == pytest.approx(1)


def test_service_counts_by_weight() -> None:
    run = trace({"a": 10, "b": 5}, {"a": True, "b": True}, {"a": 20, "b": 20}, a=2.0)
    assert measures.difference(run).largest == pytest.approx(0)
    assert measures.apart(run) == 0


def test_two_backlogged_tenants_come_apart_by_what_one_had_more() -> None:
    run = trace({"a": 10, "b": 4}, {"a": True, "b": True}, {"a": 20, "b": 20})
    assert measures.apart(run) == 6 * SECONDS
    assert measures.apart_over_time(run)[10] == 60


def test_a_tenant_without_backlog_comes_apart_from_nobody() -> None:
    run = trace({"a": 10, "b": 4}, {"a": True, "b": False}, {"a": 20, "b": 4})
    assert measures.apart(run) == 0


def test_a_backlogged_tenant_falls_behind_one_that_has_no_backlog() -> None:
    run = trace({"a": 4, "b": 10}, {"a": True, "b": False}, {"a": 20, "b": 10})
    assert measures.behind(run) == 6 * SECONDS


def test_a_tenant_without_backlog_falls_behind_nobody() -> None:
    run = trace({"a": 4, "b": 10}, {"a": False, "b": True}, {"a": 4, "b": 20})
    assert measures.behind(run) == 0


def test_stretches_begin_a_second_before_their_first_entry() -> None:
    assert list(measures.intervals([False, True, True, False, True])) == [(0, 2), (3, 4)]


def test_a_request_is_served_its_input_at_once_and_its_output_as_it_is_written() -> None:
    request = Request(0, "a", 0.0, 256, 50)
    assert request.served(0.0) == 256
    assert request.served(0.1 + 1.0) == pytest.approx(256 + 2 * 25)
    assert request.served(request.seconds) == request.cost == 356

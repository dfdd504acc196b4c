"""How benchmarks count: what is busy, what is a rate, what is a ratio, what misses its target."""

import pytest

from tests.benchmarks.busy import busy_percent
from tests.benchmarks.contest import Contest
from tests.benchmarks.report import at_least, at_most, judge
from tests.benchmarks.tally import per_second
from tests.support.workers import ROOT

BENCHMARKS = sorted(path.stem.removeprefix("bench_") for path in (ROOT / "tests/benchmarks").glob("bench_*.py"))


class Fixed:
    """A side of a contest that is always as quick."""

    def __init__(self, drain: float, end_to_end: float) -> None:
        self._drain, self._end_to_end = drain, end_to_end

    def drain(self, jobs: int) -> float:  # noqa: ARG002 - a side of a contest
        return self._drain

    def end_to_end(self, jobs: int) -> float:  # noqa: ARG002 - as above
        return self._end_to_end


def test_slots_that_always_hold_a_job_are_busy_throughout() -> None:
    assert busy_percent([(0, 2), (0, 2), (2, 4), (2, 4)], since=0, slots=2) == 100


def test_a_slot_that_stands_empty_between_two_jobs_is_not_busy_then() -> None:
    assert busy_percent([(0, 2), (0, 2), (2, 4), (4, 6)], since=0, slots=2) == pytest.approx(75)


def test_the_wait_for_the_first_start_counts_as_idle() -> None:
    assert busy_percent([(1, 3), (3, 5)], since=-1, slots=1) == pytest.approx(50)


def test_a_rate_counts_from_the_moment_that_work_was_let_go() -> None:
    assert per_second([1.5, 2.0, 3.0], since=1.0) == pytest.approx(1.5)


def test_work_that_ran_before_it_was_let_go_is_no_measurement() -> None:
    with pytest.raises(AssertionError, match="before it was let go"):
        per_second([0.9, 2.0], since=1.0)


def test_a_contest_tells_the_medians_of_its_rounds_and_their_ratio() -> None:
    contest = Contest("redis_gate")
    for rate in (100.0, 400.0, 300.0):
        contest.round(Fixed(rate, 2 * rate), Fixed(100.0, 200.0), jobs=1)
    assert contest.figures["redis_gate_vs_celery"] == 3
    assert contest.figures["redis_gate_end_to_end_jobs_per_s"] == 600
    assert contest.baseline["redis_gate_celery_jobs_per_s"] == 100


def test_a_contest_that_was_not_held_has_figures_without_values() -> None:
    assert set(Contest("rabbitmq_gate").figures.values()) == {None}


def test_a_target_that_is_missed_says_by_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    judge({"speed": 0.5, "wait": 4.5, "gone": None}, [at_least("speed", 2), at_most("wait", 3), at_least("gone", 1)])
    speed, wait, gone = capsys.readouterr().err.splitlines()
    assert speed == "speed, at least 2: 0.50: MISSED by 75 %"
    assert wait == "wait, at most 3: 4.50: MISSED by 50 %"
    assert gone == "gone, at least 1: not measured here"


def test_a_target_that_is_met_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    judge({"speed": 2.0}, [at_least("speed", 2)])
    assert capsys.readouterr().err == "speed, at least 2: 2.00: met\n"


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_explained(name: str) -> None:
    explained = (ROOT / "docs/benchmarks.md").read_text()
    assert f"bench-{name}`" in explained or f"## {name}:" in explained

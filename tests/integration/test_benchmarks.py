"""Each benchmark, in a tiny size: it runs, and its last line says what it promises."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.benchmarks.rabbitmq import rabbitmq
from tests.support.workers import ROOT


def benchmark(name: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Its exit code, and the line that it ends with."""
    command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}", "--rounds", "1", *options]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=240)
    said: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert said["benchmark"] == name
    return ended.returncode, said


def test_the_walk_tells_jobs_per_second_and_overhead_beside_bare_calls() -> None:
    code, said = benchmark("walk", "--jobs", "20", "--turns", "5")
    figures, baseline = said["figures"], said["baseline"]
    assert code == 0
    assert 0 < figures["overhead_p50_ms"] <= figures["overhead_p99_ms"]
    assert 0 < figures["jobs_per_s"] < baseline["bare_calls_per_s"]


def test_fairness_tells_the_light_tenants_wait_and_fails_beyond_its_bound() -> None:
    code, said = benchmark("fairness", "--jobs", "60", "--alone", "5")
    figures, baseline = said["figures"], said["baseline"]
    assert code == (0 if figures["light_p50_ms"] < 100 else 1)
    assert {"light_p50_vs_alone", "light_p99_vs_alone", "heavy_rate_vs_celery"} <= figures.keys()
    assert 0 < figures["light_p50_ms"] <= figures["light_p99_ms"]
    assert baseline["plain_celery_light_p50_ms"] > 0


def test_throughput_tells_each_way_beside_plain_celery_on_each_broker_there_is() -> None:
    code, said = benchmark("throughput", "--jobs", "40", "--waves", "1")
    figures, baseline = said["figures"], said["baseline"]
    assert code == 0
    for way in ("redis_gate", "redis_whole", *(["rabbitmq_gate"] if rabbitmq() else [])):
        beside = figures[f"{way}_jobs_per_s"] / baseline[f"{way}_celery_jobs_per_s"]
        assert figures[f"{way}_vs_celery"] == pytest.approx(beside, abs=0.001)
    assert (figures["rabbitmq_gate_vs_celery"] is None) == (rabbitmq() is None)
    assert 0 <= figures["slots_busy_percent"] <= 100


def test_turns_are_told_by_their_own_time_and_by_how_many_there_are_beside_bare_calls() -> None:
    code, said = benchmark(
        "turn", "--turns", "48", "--slots", "16", "--single", "3", "--in-flight", "16", "--slow", "1"
    )
    figures, baseline = said["figures"], said["baseline"]
    assert code == 0
    assert figures["own_p50_ms"] <= figures["own_p99_ms"]
    assert 0 < figures["searching_own_p50_ms"] <= figures["searching_own_p99_ms"]
    assert figures["vs_bare_calls"] == pytest.approx(figures["turns_per_s"] / baseline["bare_calls_per_s"], abs=0.001)
    parts = sum(figures[f"{group}_cpu_ms"] for group in ("worker", "postgres", "redis"))
    assert figures["own_cpu_ms"] == pytest.approx(parts, rel=0.1)
    assert 0 < figures["in_flight"] <= 18  # the slots: a tenth more than are to be in flight
    assert figures["in_flight_again"] == 0
    assert figures["in_flight_at_model"] > 0


def test_the_gates_cost_is_told_by_operation_and_by_number_of_tenants() -> None:
    code, said = benchmark("gate", "--most", "50")
    figures = said["figures"]
    assert code == 0
    assert figures["job_us"] == pytest.approx(figures["offer_us"] + figures["next_us"], rel=0.01)
    assert figures["growth_100k"] == pytest.approx(figures["job_100k_us"] / figures["job_us"], rel=0.01)
    assert figures["reserve_us"] > 0
    assert figures["settle_us"] > 0
    assert said["baseline"]["celery_task_commands"] > 5


def test_idle_tells_what_tenants_without_work_cost_beside_none() -> None:
    code, said = benchmark("idle", "--tenants", "2000", "--seconds", "1", "--settle", "0")
    assert code == 0
    assert {"cpu_percent", "commands_per_s", "memory_mb"} <= said["figures"].keys() & said["baseline"].keys()
    assert said["figures"]["redis_memory_mb"] > 0.6  # a tenant that the gate knows is about 600 bytes


def test_rebuild_tells_its_seconds_beside_the_bare_reading() -> None:
    code, said = benchmark("rebuild", "--jobs", "200", "--tenants", "2")
    assert code == 0
    assert said["figures"]["seconds"] > 0
    assert said["baseline"]["reading_seconds"] > 0


def test_a_runs_cost_in_the_ledger_is_told_beside_two_bare_statements() -> None:
    code, said = benchmark("run", "--jobs", "40")
    figures, baseline = said["figures"], said["baseline"]
    assert code == 0
    assert figures["vs_bare"] == pytest.approx(figures["runs_per_s"] / baseline["bare_runs_per_s"], abs=0.01)
    assert figures["client_us"] > 0
    assert figures["start_p50_ms"] > 0

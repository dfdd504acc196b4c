"""Each benchmark, in a tiny size: it runs, and its last line says what it promises."""

import json
import subprocess
import sys
from typing import Any

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
    code, said = benchmark("fairness", "--jobs", "120", "--alone", "5")
    figures, baseline = said["figures"], said["baseline"]
    assert code == (0 if figures["light_p50_ms"] < 100 else 1)
    assert {"light_p50_vs_alone", "light_p99_vs_alone", "heavy_rate_vs_celery"} <= figures.keys()
    assert 0 < figures["light_p50_ms"] <= figures["light_p99_ms"]
    assert baseline["plain_celery_light_p50_ms"] > 0

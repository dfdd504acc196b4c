"""The fault matrix itself, in a tiny size: one row, really struck, and what makes a row unclean."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.faults.counting import Row
from tests.faults.matrix import FAULTS
from tests.support.workers import ROOT

CLEAN = Row(
    hits=1, accepted=4, finished=4, doubled=0, lost=0, leaked=0, unbilled_tokens=0, unknown_calls=2, recovery_s=1.0
)


def test_a_row_strikes_real_workers_and_tells_what_was_left_in_one_line() -> None:
    command = [sys.executable, "-m", "tests.faults", "--fault", "all_workers_killed", "--jobs", "20"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=240)
    row = json.loads(ended.stdout.splitlines()[-1])["faults"]["all_workers_killed"]
    assert ended.returncode == 0, row
    assert row.keys() == CLEAN.told().keys()
    assert row["hits"] > 0
    assert row["accepted"] == row["finished"] == 20
    assert row["recovery_s"] > 0


def test_a_row_that_was_never_struck_is_not_clean() -> None:
    assert CLEAN.clean
    assert not replace(CLEAN, hits=0).clean


@pytest.mark.parametrize("figure", ["doubled", "lost", "leaked", "unbilled_tokens"])
@pytest.mark.parametrize("amount", [1, -1])
def test_a_row_that_left_something_is_not_clean(figure: str, amount: int) -> None:
    assert not replace(CLEAN, **{figure: amount}).clean


def test_the_page_on_faults_has_every_row() -> None:
    page = (ROOT / "docs" / "faults.md").read_text()
    assert [name for name in FAULTS if f"| `{name}` |" not in page] == []

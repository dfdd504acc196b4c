"""The demo as a newcomer runs it, with a smaller flood: everything is really started, asked, billed and gone again."""

import csv
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.living import Living, living

BILLED = re.compile(r"✓ billed ([\d,]+) tokens in ([\d,]+) calls = served \1 tokens in \2 calls")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Living]:
    temp = tmp_path / "temp"
    temp.mkdir()
    environment = {"TMPDIR": str(temp), "HEADGATE_HOME": str(tmp_path / "home"), "OPENAI_API_KEY": "not-for-the-demo"}
    with living(tmp_path / "said", environment, "demo", "--flood", "40") as started:
        yield started


def test_demo_bills_what_was_served_and_leaves_nothing_behind(demo: Living, tmp_path: Path) -> None:
    assert demo.ends() == 0, demo.said
    assert "✗" not in demo.said
    billed = BILLED.search(demo.said)
    assert billed is not None, demo.said
    tokens = [int(row["quantity"]) for row in exported(demo, tmp_path) if row["meter"].startswith("tokens.")]
    assert int(billed[1].replace(",", "")) == sum(tokens)
    assert demo.left() == []
    assert list((tmp_path / "temp").iterdir()) == []


def test_demo_stops_everything_when_it_is_interrupted(demo: Living, tmp_path: Path) -> None:
    demo.says("questions at once")
    assert demo.stop(signal.SIGTERM) == 1
    assert demo.left() == []
    assert list((tmp_path / "temp").iterdir()) == []


def exported(demo: Living, tmp_path: Path) -> list[dict[str, str]]:
    """The lines of the bill whose path the demo printed."""
    (path,) = re.findall(r"the month's bill: (.+)", demo.said)
    assert Path(path).is_relative_to(tmp_path / "home")
    with Path(path).open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["tenant"] for row in rows} == {"acme", "globex", "initech"}
    return rows

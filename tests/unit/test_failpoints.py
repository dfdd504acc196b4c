"""Failpoints do nothing in production: nothing of the product listens to them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from shared import failpoints
from shared.failpoints import Point

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reached() -> Iterator[list[Point]]:
    heard: list[Point] = []
    failpoints.listen(heard.append)
    yield heard
    failpoints.listen(None)


def test_a_point_that_nobody_listens_to_is_passed() -> None:
    code = "from shared import failpoints; failpoints.reach('after_call'); assert failpoints._listener is None"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_listener_hears_of_every_point_that_is_reached(reached: list[Point]) -> None:
    for point in get_args(Point):
        failpoints.reach(point)
    assert tuple(reached) == get_args(Point)


def test_nothing_of_the_product_listens_and_every_point_is_reached_somewhere() -> None:
    named, listening = set(), []
    for path in (path for room in ("producers", "shared", "workers") for path in (ROOT / room).rglob("*.py")):
        if path.name == "failpoints.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            if isinstance(node, ast.ImportFrom) and node.module == "shared.failpoints":
                listening += [path for alias in node.names if alias.name not in ("reach", "Point")]
            if isinstance(node, ast.ImportFrom) and node.module == "shared":
                listening += [path for alias in node.names if alias.name == "failpoints"]
    assert listening == []
    assert set(get_args(Point)) <= named

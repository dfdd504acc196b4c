"""The command line as a person uses it: a process of its own, with a cell's settings in its environment."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from producers.cli.environment import environment
from shared.settings import Settings
from tests.support.workers import PATIENCE, ROOT


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return orjson.loads(self.out)


def headgate(settings: Settings, *arguments: str) -> Said:
    """`headgate …`, whatever comes of it; never a traceback."""
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def done(settings: Settings, *arguments: str) -> Said:
    """`headgate …`, which must do what it was asked."""
    said = headgate(settings, *arguments)
    assert said.code == 0, said.err
    return said


def refused(settings: Settings, *arguments: str, code: int = 1) -> str:
    """`headgate …`, which must fail; answers the one line it said."""
    said = headgate(settings, *arguments)
    assert (said.code, said.out) == (code, ""), said
    (line,) = said.err.splitlines()
    assert line.startswith("headgate: "), line
    return line


def command(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "producers.cli.main", *arguments]

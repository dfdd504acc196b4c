"""The command line as a person uses it: a process of its own, with a cell's settings in its environment."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from shared.settings import Settings
from tests.support.warm import shared_parent


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
    return ran(settings, "headgate", *arguments)


def celery(settings: Settings, *arguments: str) -> Said:
    """`celery -A workers.app …`, which ends by itself."""
    return ran(settings, "celery", "--quiet", "-A", "workers.app", *arguments)


def ran(settings: Settings, *argv: str) -> Said:
    with tempfile.TemporaryDirectory(prefix="headgate-said-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        for file in (out, err):
            file.touch()
        code = shared_parent().run(argv, settings, output=out, errors=err)
        said = Said(code, out.read_text(), err.read_text())
    assert "Traceback" not in said.err, said.err
    return said


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
    """The same, for who starts it cold."""
    return [sys.executable, "-m", "producers.cli.main", *arguments]

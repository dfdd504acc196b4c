"""Commands that run things, watched from outside: what they say, what they start, what they leave."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.support.commands import command
from tests.support.workers import PATIENCE, ROOT, eventually

#: Seconds between two looks at what a command has started: each goes through all processes of the machine.
LOOK = 0.2


class Living:
    """`headgate …` in a process of its own; every process it ever started is known."""

    def __init__(self, said: Path, environment: Mapping[str, str], *arguments: str) -> None:
        self._said = said
        with said.open("w") as output:
            self.process = psutil.Popen(
                command(*arguments),
                cwd=ROOT,
                env=os.environ | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the tests' own Ctrl-C is not for it
            )
        self.started: set[psutil.Process] = set()
        self._looked = 0.0

    @property
    def said(self) -> str:
        return self._said.read_text()

    def says(self, words: str) -> str:
        """Waits until it has said this; answers all it said."""
        eventually(lambda: self._glance() and (words in self.said or self.over), f"{words!r} in:\n{self.said}")
        assert words in self.said, self.said
        return self.said

    def ends(self) -> int:
        """Waits for its end; answers its exit code."""
        eventually(lambda: self._glance() and self.over, f"it ends:\n{self.said}", patience=3 * PATIENCE)
        return int(self.process.wait())

    def stop(self, number: int = signal.SIGINT) -> int:
        self.look()
        self.process.send_signal(number)
        return self.ends()

    @property
    def over(self) -> bool:
        return self.process.poll() is not None

    def look(self) -> bool:
        """Take note of what runs below it now."""
        with suppress(psutil.NoSuchProcess):
            self.started.update(self.process.children(recursive=True))
        return True

    def _glance(self) -> bool:
        """The same, while waiting."""
        if time.monotonic() - self._looked > LOOK:
            self.look()
            self._looked = time.monotonic()
        return True

    def left(self) -> list[str]:
        """The processes it started that live on."""
        return [line for child in self.started if (line := _line(child))]

    def child(self, words: str) -> psutil.Process:
        """Its direct child with these words in its command."""
        (found,) = (child for child in self.process.children() if words in _line(child))
        return found

    def clear_away(self) -> None:
        """At the end of a test, whatever came of it."""
        self.look()
        for process in (self.process, *self.started):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


@contextmanager
def living(said: Path, environment: Mapping[str, str], *arguments: str) -> Iterator[Living]:
    started = Living(said, environment, *arguments)
    try:
        yield started
    finally:
        started.clear_away()


def _line(process: psutil.Process) -> str:
    """The command that a process runs; nothing for one that is dead, whether it has been collected or not."""
    with suppress(psutil.NoSuchProcess):  # a zombie is none, says psutil
        return " ".join(process.cmdline()) if process.is_running() else ""
    return ""

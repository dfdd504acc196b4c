"""Headgate's processes forked from a warm parent, so that whoever kills many of them need not wait for each to import.

The parent collects its children, so a child is known here by its pid and its start, never as our own child.
"""

import atexit
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import psutil

from producers.cli.environment import environment
from shared.settings import Settings
from tests.support.waiting import PATIENCE, ROOT, eventually

#: A function of the tests (`module:name`) and its arguments, called in a child before its program begins.
Hook = tuple[str, Mapping[str, Any]]

#: As `headgate worker` starts them: mingling with other workers takes a second.
QUIET = ("-l", "WARNING", "--without-mingle", "--without-gossip")


@dataclass(frozen=True)
class Child:
    """A process that the warm parent forked, in a session of its own."""

    process: psutil.Process

    @property
    def alive(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        return False

    def children(self) -> list[psutil.Process]:
        """Those of a prefork pool."""
        with suppress(psutil.NoSuchProcess):
            return self.process.children(recursive=True)
        return []

    def kill(self) -> None:
        """As `kill -9` does, its children included."""
        family = [*self.children(), self.process]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=PATIENCE)

    def kill_alone(self) -> None:
        """As `kill -9` does: its children are left to find out."""
        with suppress(psutil.NoSuchProcess):
            self.process.kill()
            self.process.wait(PATIENCE)


class WarmParent:
    """`output`: where its children write; without one, where the tests' own errors go."""

    def __init__(self, process: "subprocess.Popen[str]", output: Path | None) -> None:
        self._process, self._output = process, output
        self._speaking = Lock()

    def worker(
        self,
        settings: Settings,
        lanes: Sequence[str],
        *,
        slots: int,
        pool: str = "threads",
        hooks: Sequence[Hook] = (),
    ) -> Child:
        """A Celery worker serving these lanes."""
        name = f"{time.monotonic_ns()}@%h"
        options = ["-P", pool, "-c", str(slots), "-Q", ",".join(lanes), "-n", name, *QUIET]
        return self.fork(["celery", "--quiet", "-A", "workers.app", "worker", *options], settings, hooks)

    def door(self, settings: Settings) -> Child:
        """A bus door."""
        return self.fork(["headgate", "bus"], settings)

    def fork(self, argv: Sequence[str], settings: Settings, hooks: Sequence[Hook] = ()) -> Child:
        return Child(psutil.Process(self._forked(argv, settings, hooks, self._output, None)))

    def run(self, argv: Sequence[str], settings: Settings, *, output: Path, errors: Path) -> int:
        """A command from its beginning to its end; answers its exit code."""
        return self._code(self._forked(argv, settings, (), output, errors))

    def ended(self, child: Child) -> int:
        """Waits for its end; answers its exit code, or below zero the signal that ended it."""
        return self._code(child.process.pid)

    def _forked(
        self, argv: Sequence[str], settings: Settings, hooks: Sequence[Hook], output: Path | None, errors: Path | None
    ) -> int:
        files = {"output": output and str(output), "errors": errors and str(errors)}
        pid = self._ask({"argv": argv, "env": environment(settings), "hooks": hooks} | files)
        assert pid is not None
        return pid

    def _code(self, pid: int) -> int:
        def codes() -> list[int]:
            code = self._ask({"ended": pid})
            return [] if code is None else [code]

        return eventually(codes, f"process {pid} ends")[0]

    def _ask(self, order: Mapping[str, Any]) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._speaking:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer: int | None = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def warm_parent(output: Path | None = None) -> Iterator[WarmParent]:
    """A parent whose children end with it."""
    command = [sys.executable, "-m", "tests.support.warm_parent"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield WarmParent(process, output)


@cache
def shared_parent() -> WarmParent:
    """The one that all tests of this process share: it starts when it is first wanted, and ends with the process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(warm_parent())

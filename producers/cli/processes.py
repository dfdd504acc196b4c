"""Child processes that are looked after: started, started again when they die, and stopped in order.

Each runs in a session of its own, because Ctrl-C goes to the whole foreground group and the children are to stop one
group after the other; and because whatever a dead one left of itself can then be ended by its group. A list of them in
the home lets the next start end what a parent left that was killed with -9.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, STDOUT
from time import sleep

import psutil

from producers.cli.stopping import undisturbed
from shared.clock import monotonic
from shared.embedded.home import Home, open_private
from shared.embedded.process import Identity, tail
from shared.errors import HeadgateError

#: The home's file of children that a next start must end.
ROSTER = "children.json"

#: Deaths of one child within so many seconds after which it is not started again: it would not live.
DEATHS, WITHIN = 5, 60.0

#: Seconds beyond what a worker may take to stop by itself: it hands back, and Celery closes its pool.
MARGIN = 10.0

#: Seconds between two looks at processes that are waited for.
LOOK = 0.05


class ChildFailed(HeadgateError):  # noqa: N818 - it names what happened
    """A child process does not stay alive."""


@dataclass(frozen=True)
class Program:
    """What a child runs. `about` says to people what it does."""

    name: str
    command: tuple[str, ...]
    about: str
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Roster:
    members: tuple[Identity, ...] = ()


class Child:
    """A program and the process that runs it now."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program, self.log = program, log
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self.process = self._started("w")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def again(self) -> None:
        """In place of the dead process, a new one; `ChildFailed` where it has died too often."""
        self._end_group()
        self._deaths.append(monotonic())
        if len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] < WITHIN:
            said = tail(self.log).rpartition("\n")[2]
            raise ChildFailed(f"{self.program.name} does not stay alive; its log, {self.log}, ends: {said}")
        self.process = self._started("a")

    def ask_to_stop(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.terminate()

    def kill(self) -> None:
        """End the process, and whatever it left of itself."""
        self._end_group()
        self.process.wait()

    def _end_group(self) -> None:
        kill_group(self.process.pid)

    def _started(self, mode: str) -> psutil.Popen:
        with open_private(self.log, mode) as output:
            return psutil.Popen(
                self.program.command,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                env=self.program.environment,
                start_new_session=True,
            )


class Children:
    """Groups of children; `say` tells people what happens to them."""

    def __init__(self, home: Home, *, stop_seconds: float, say: Callable[[str], None]) -> None:
        self._home, self._say = home, say
        self._patience = stop_seconds + MARGIN
        self._groups: list[list[Child]] = []

    def __iter__(self) -> Iterator[Child]:
        return (child for group in self._groups for child in group)

    def start(self, *programs: Program) -> list[Child]:
        """Start a group, which is stopped together, before those that were started earlier."""
        logs = self._home.folder / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        group: list[Child] = []
        self._groups.append(group)
        for program in programs:
            with undisturbed():
                group.append(Child(program, logs / f"{program.name}.log"))
                self._enlist()
        return group

    def tend(self) -> None:
        """Start again whoever has died."""
        for child in self:
            if not child.alive:
                ended = child.process.returncode
                with undisturbed():
                    child.again()
                    self._enlist()
                self._say(f"{child.program.name} ended ({ended}) and was started again, pid {child.process.pid}")

    def stop(self) -> None:
        """Ask each group to stop, the last one first, and kill what does not, or all when we are interrupted."""
        try:
            for group in reversed(self._groups):
                self._stop(group)
        finally:
            for child in self:
                child.kill()
            self._home.forget(ROSTER)

    def _stop(self, group: list[Child]) -> None:
        for child in group:
            child.ask_to_stop()
        until = monotonic() + self._patience
        while any(child.alive for child in group) and monotonic() < until:
            sleep(LOOK)

    def _enlist(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self._home.write(ROSTER, Roster(tuple(Identity.of(child.process) for child in self)))


@contextmanager
def children(home: Home, *, stop_seconds: float, say: Callable[[str], None]) -> Iterator[Children]:
    """Children that are gone afterwards; before, what a killed parent left in this home is ended."""
    for orphan in (home.read(ROSTER, Roster) or Roster()).members:
        if process := orphan.find():
            kill_group(process.pid)
    made = Children(home, stop_seconds=stop_seconds, say=say)
    try:
        yield made
    finally:
        made.stop()


def kill_group(leader: int) -> None:
    """End every process of a session that we began."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)

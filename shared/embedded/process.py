"""One server process: known again later, waited for, and ended so that nothing of it stays."""

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import psutil

from shared.clock import monotonic
from shared.errors import Unavailable

#: Seconds a server may take to answer; a crashed database that replays its log needs the most.
START_SECONDS = 30.0
#: Seconds between two questions; small beside the 0.1 s a restart takes.
ASK_SECONDS = 0.01
#: Seconds a server may take to stop by itself: Postgres writes a checkpoint first.
STOP_SECONDS = 15.0
#: Seconds for the kernel to take away what was killed.
KILL_SECONDS = 5.0
#: Seconds by which one process's start time may differ between two readings: psutil adds it to the boot time, which
#: moves when the clock is set.
SAME_START_SECONDS = 2.0
#: Lines of a dead server's log that its error shows.
TAIL_LINES = 12


class StartFailed(Unavailable):
    """A server died or stayed silent; the end of its log is in the message."""


class PortLost(StartFailed):
    """Somebody took the port between our choice and the server's start."""


@dataclass(frozen=True)
class Identity:
    """Which process is meant: a pid alone is given to another one sooner or later."""

    pid: int
    started: float
    mark: str = ""

    @classmethod
    def of(cls, process: psutil.Process, mark: str = "") -> "Identity":
        return cls(process.pid, process.create_time(), mark)

    def find(self) -> psutil.Process | None:
        """The process if it still lives and is the same one."""
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process = psutil.Process(self.pid)
            same_start = abs(process.create_time() - self.started) < SAME_START_SECONDS
            if same_start and not ended(process) and self.mark in command(process):
                return process
        return None


def await_ready(process: psutil.Popen, log: Path, why_not: Callable[[], str | None]) -> None:
    """Wait until `why_not` has no reason left to give; fail when the server dies or takes too long."""
    deadline = monotonic() + START_SECONDS
    while reason := why_not():
        if process.poll() is not None:
            kind = PortLost if "ddress already in use" in tail(log) else StartFailed
            raise kind(f"The server ended with code {process.returncode}. Its log, {log}, ends:\n{tail(log)}")
        if monotonic() > deadline:
            raise StartFailed(f"No answer within {START_SECONDS:.0f} s ({reason}). Its log, {log}, ends:\n{tail(log)}")
        sleep(ASK_SECONDS)


def end(process: psutil.Process) -> None:
    """Ask the process to stop; kill it and its children when it does not, or when a second Ctrl-C comes."""
    try:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
            await_end([process], STOP_SECONDS)
    finally:
        kill(process)


def kill(process: psutil.Process) -> None:
    if ended(process):
        return
    with suppress(psutil.NoSuchProcess):
        family = [*process.children(recursive=True), process]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        await_end(family, KILL_SECONDS)


def await_end(family: list[psutil.Process], seconds: float) -> None:
    deadline = monotonic() + seconds
    while not all(ended(member) for member in family) and monotonic() < deadline:
        sleep(ASK_SECONDS)


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more. A zombie does not; whose it is may never collect it, as in many a container."""
    if isinstance(process, psutil.Popen):
        return process.poll() is not None
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def command(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])

"""All server processes of one home: started so that a later start can find them, and ended together.

Each runs in a session of its own, because Ctrl-C goes to the whole foreground group and we want to stop them in order.
The kernel's "signal me when my parent dies" is left alone: it fires when the *thread* that started the server ends.
So a parent killed with -9 leaves orphans, and the next start of the home ends them: it knows each by pid, start time
and the home's mark in its command line, and never touches a process that differs in one of the three.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

import psutil

from shared.embedded.account import OURSELVES, Account
from shared.embedded.home import Home, open_private
from shared.embedded.process import Identity, end
from shared.errors import ConfigurationError

#: The home's file of processes that a next start must end.
ROSTER = "processes.json"


@dataclass(frozen=True)
class Roster:
    members: tuple[Identity, ...] = ()


class Crew:
    """The processes that one start of a home has launched."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self.roster = Roster()
        self._stack = stack

    def launch(
        self, argv: Sequence[str], log: Path, *, account: Account = OURSELVES, said: bytes = b""
    ) -> psutil.Popen:
        """Start a process as this account, with its output in `log` and `said` on its standard input."""
        with open_private(log, "w") as output:
            try:
                process = psutil.Popen(
                    argv,
                    stdin=PIPE,
                    stdout=output,
                    stderr=STDOUT,
                    cwd="/",
                    env={"LC_ALL": "C"},
                    start_new_session=True,
                    user=account.uid,
                    group=account.gid,
                    extra_groups=account.groups,
                )
            except OSError as refusal:
                raise ConfigurationError(f"{argv[0]} cannot be started as {account} ({refusal})") from refusal
        self._stack.callback(end, process)
        self._enlist(process)
        say(process, said)
        return process

    def serving(self) -> tuple[Identity, ...]:
        """Those that live on: initdb and losers of a race for a port do not."""
        return tuple(member for member in self.roster.members if member.find())

    def _enlist(self, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            self.roster = Roster((*self.roster.members, Identity.of(process, self.home.mark)))
            self.home.write(ROSTER, self.roster)


@contextmanager
def crew(home: Home) -> Iterator[Crew]:
    """A crew whose every process is gone afterwards; before it begins, what a killed run left is ended."""
    for orphan in (home.read(ROSTER, Roster) or Roster()).members:
        if process := orphan.find():
            end(process)
    with ExitStack() as stack:
        stack.callback(home.forget, ROSTER)
        yield Crew(home, stack)


def say(process: psutil.Popen, words: bytes) -> None:
    """Give a process its input. One that died before it listened is found out by whoever waits for it."""
    stdin = process.stdin
    with suppress(BrokenPipeError), stdin:
        stdin.write(words)

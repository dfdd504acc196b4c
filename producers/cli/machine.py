"""A whole Headgate on one machine: servers where none are named, the database up to date, workers and the bus door.

`headgate up` keeps one running, `headgate demo` shows one off. Whatever is started here is gone when the context ends,
the workers first, the servers last.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import sleep

from producers.cli.crew import DOOR, door, workers
from producers.cli.processes import Children, children
from producers.cli.stopping import undisturbed
from shared.cell import Cell
from shared.clock import monotonic
from shared.embedded import embedded, served_by
from shared.embedded.home import Home, held
from shared.errors import ConfigurationError, Unavailable
from shared.gate.gate import GateClosed
from shared.settings import Settings, with_role
from shared.stores import migrate, roles

#: Seconds in which workers must have told the gate of themselves; importing what a worker needs costs 2.4 CPU seconds.
START_SECONDS = 60.0

#: Seconds between two looks at what is waited for.
LOOK = 0.1


@dataclass(frozen=True)
class Machine:
    cell: Cell
    children: Children

    def await_workers(self) -> None:
        """Until every worker has told the gate of its slots: from then on a job starts at once."""
        wanted = sum(child.program.name != DOOR for child in self.children)
        until = monotonic() + START_SECONDS
        while self._workers() < wanted:
            if monotonic() > until:
                logs = self.cell.settings.home / "logs"
                raise Unavailable(f"the workers did not come up within {START_SECONDS:g} s: see {logs}")
            self.children.tend()
            sleep(LOOK)

    def _workers(self) -> int:
        """How many the gate knows; a gate that nobody has rebuilt yet knows none."""
        try:
            return int(self.cell.gate.look()["workers"])
        except GateClosed:
            return 0


@contextmanager
def served(settings: Settings, *, durable: bool = True) -> Iterator[Settings]:
    """The settings with servers for all that they leave open. The home is ours alone from here on: it comes first."""
    with ExitStack() as stack:
        with undisturbed():
            found = stack.enter_context(_served(settings, durable=durable))
        yield found


@contextmanager
def running(settings: Settings, *, slots: int | None, say: Callable[[str], None]) -> Iterator[Machine]:
    """Everything else started, on these servers; the workers perhaps still on their way up (`await_workers`)."""
    home = Home(settings.home.resolve())
    with ExitStack() as stack:
        cell = Cell(settings)
        stack.callback(cell.close)
        upgrade(settings)
        cell.verify()
        crew = stack.enter_context(children(home, stop_seconds=settings.stop_seconds, say=say))
        crew.start(door(settings))
        crew.start(*workers(cell, slots))
        yield Machine(cell, crew)


def upgrade(settings: Settings) -> None:
    """Bring the database up to date, with every role that serves."""
    url = settings.database_url or ""
    logins = {
        roles.APP: url,
        roles.DISPATCHER: settings.database_dispatcher_url or with_role(url, roles.DISPATCHER),
        roles.METERING: settings.database_metering_url or with_role(url, roles.METERING),
    }
    migrate.upgrade(settings.database_admin_url or "", logins)


@contextmanager
def _served(settings: Settings, *, durable: bool) -> Iterator[Settings]:
    if (settings.database_url is None) != (settings.database_admin_url is None):
        raise ConfigurationError("set both HEADGATE_DATABASE_URL and HEADGATE_DATABASE_ADMIN_URL, or neither")
    if settings.database_url and settings.redis_url:
        with held(settings.home):
            yield settings
    else:
        with embedded(settings.home, durable=durable) as servers:
            yield served_by(settings, servers)

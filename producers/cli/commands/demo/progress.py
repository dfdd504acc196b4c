"""What happens on stage, live: a table on a terminal, a line now and then elsewhere."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from rich.console import Console
from rich.live import Live
from rich.table import Table

from producers.cli.commands.demo.books import Job
from producers.cli.commands.demo.script import PARTS
from shared.clock import monotonic
from shared.ledger.states import State

#: Seconds between two lines where no terminal is.
LINE_SECONDS = 2.0

#: Characters of a full bar.
BAR = 24

Show = Callable[[Mapping[UUID, Job]], None]


@contextmanager
def progress(screen: Console, act: str) -> Iterator[Show]:
    """Show where the tenants' jobs stand during one act."""
    screen.print(f"\n{act}", style="bold")
    if screen.is_terminal:
        with Live(console=screen, auto_refresh=False, transient=True) as live:
            yield lambda jobs: live.update(_table(jobs), refresh=True)
    else:
        yield _Lines(screen).show


class _Lines:
    def __init__(self, screen: Console) -> None:
        self._screen, self._next = screen, monotonic() + LINE_SECONDS

    def show(self, jobs: Mapping[UUID, Job]) -> None:
        if monotonic() >= self._next:
            self._next = monotonic() + LINE_SECONDS
            self._screen.print("  " + " · ".join(_line(*row) for row in _standing(jobs)))


def _standing(jobs: Mapping[UUID, Job]) -> list[tuple[str, int, int, int]]:
    """Tenant, waiting, running, over."""
    counted = Counter((job.tenant, job.state) for job in jobs.values())
    everything = Counter(job.tenant for job in jobs.values())
    rows = []
    for part in PARTS:
        waiting, running = counted[part.tenant, State.WAITING], counted[part.tenant, State.RUNNING]
        rows.append((part.tenant, waiting, running, everything[part.tenant] - waiting - running))
    return rows


def _line(tenant: str, waiting: int, running: int, over: int) -> str:
    return f"{tenant}: {waiting} waiting, {running} running, {over} done"


def _table(jobs: Mapping[UUID, Job]) -> Table:
    table = Table("tenant", "tier", "waiting", "running", "done", "", box=None, pad_edge=False)
    tiers = {part.tenant: part.tier for part in PARTS}
    for tenant, waiting, running, over in _standing(jobs):
        share = over / max(1, waiting + running + over)
        table.add_row(tenant, tiers[tenant], str(waiting), str(running), str(over), "█" * round(BAR * share))
    return table

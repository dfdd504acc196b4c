"""How far long work has come: a bar on stderr, for whoever watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from producers.cli.output import console


class Tell(Protocol):
    def __call__(self, done: int, note: str = "") -> None:
        """So many are done. A note is a line on stderr, whoever watches."""


@contextmanager
def counted(what: str, total: int) -> Iterator[Tell]:
    """A bar that is gone when all is done; none where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    out = console(stderr=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task(what, total=total)

        def tell(done: int, note: str = "") -> None:
            progress.update(task, completed=done)
            if note:
                progress.console.print(note, style="dim", markup=False, soft_wrap=True)

        yield tell

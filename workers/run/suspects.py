"""Jobs that were there whenever a process died are run one at a time in a process: one of them may be what kills it.

A process that dies takes all its runs with it, and cannot say whose fault it was. After the first death nobody is
suspected: most processes die for reasons of their own. After the second the job is a suspect, and a process that dies
takes one suspect with it at most. So the one that kills is alone with its guilt until it is dead, and those that only
stood beside it come to their ends.

This leaves slots free beside waiting jobs; only suspects wait for it, and only for other suspects.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.ledger.runs import Run

#: Seconds that a suspect waits before it runs. Those that were started beside it are sent on meanwhile (that takes some
#: milliseconds) and come again later (`BEHIND`); one that kills at once would take them along in their very start.
ASIDE = 0.5

#: Deaths after which a job is a suspect. It must be less than the failures allowed, or the innocent are dead before.
SUSPECT = 2


class Suspects:
    """Of one process."""

    def __init__(self) -> None:
        self._one = threading.Lock()

    @contextmanager
    def admitted(self, run: Run) -> Iterator[bool]:
        """Whether this run may go on, for as long as the context lasts."""
        if run.deaths < SUSPECT:
            yield True
            return
        mine = self._one.acquire(blocking=False)
        try:
            if mine:
                threading.Event().wait(ASIDE)
            yield mine
        finally:
            if mine:
                self._one.release()

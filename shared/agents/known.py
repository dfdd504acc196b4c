"""Which agents a tenant has, as doors need to know it: a turn that no agent answers would be accepted for nothing."""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

from shared import clock
from shared.errors import NotFound
from shared.stores.postgres import Database

NAMES: LiteralString = "SELECT DISTINCT agent FROM tenant.agents WHERE tenant_id = %s"

#: Seconds for which an agent that was not there is not looked for again: whoever asks for it ever anew costs one look
#: a second, and who makes it waits no longer for the doors to know.
PATIENCE = 1.0

#: Most names of agents that a process remembers; some 10 MiB.
REMEMBERED = 100_000

#: Names that are said of those that there are: the nearest by the alphabet.
NEAR = 6


@dataclass(frozen=True)
class _Read:
    """What a tenant had until `until`, by this process's own clock, in the order of the alphabet."""

    names: Sequence[str]
    found: Collection[str]
    until: float


class KnownAgents:
    """Looks agents up, for any thread of a door.

    One that was there once is there: agents get new versions, and go with their tenant alone.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, threading.Lock()
        self._read: OrderedDict[str, _Read] = OrderedDict()
        self._names = 0

    def demand(self, tenant: str, agent: str) -> None:
        """`NotFound` where the tenant has no such agent; it names those that are near."""
        known = self._read.get(tenant)
        if known is None or (agent not in known.found and clock.monotonic() >= known.until):
            known = self._look(tenant)
        if agent not in known.found:
            raise NotFound(f"tenant {tenant!r} has no agent {agent!r}: {_others(agent, known.names, tenant)}")

    def _look(self, tenant: str) -> _Read:
        with self._database.transaction(tenant) as connection:
            names = sorted(row["agent"] for row in connection.execute(NAMES, (tenant,)).fetchall())
        read = _Read(names, frozenset(names), clock.monotonic() + PATIENCE)
        with self._lock:
            self._forget(tenant)
            self._read[tenant] = read
            self._names += len(names)
            while self._names > REMEMBERED and len(self._read) > 1:
                self._forget(next(iter(self._read)))
        return read

    def _forget(self, tenant: str) -> None:
        if (read := self._read.pop(tenant, None)) is not None:
            self._names -= len(read.names)


def _others(agent: str, names: Sequence[str], tenant: str) -> str:
    if not names:
        return f"it has none; `headgate tenant configure {tenant} -f` makes one"
    place = bisect_left(names, agent)
    begin = max(0, min(place - NEAR // 2, len(names) - NEAR))
    near = names[begin : begin + NEAR]
    more = f" and {len(names) - len(near):,} more" if len(names) > len(near) else ""
    return f"it has {', '.join(near)}{more}"

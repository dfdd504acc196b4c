"""What a tenant's MCP servers offer, asked now and then: of each a process keeps the answer for some minutes.

A listing is kept by tenant, connection and the whole of what was declared, so that no tenant is ever shown another's,
and who declares something else is shown something else. Who comes while it is being asked for waits for that answer.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass

from shared.clock import monotonic
from workers.network.addresses import NotAllowed
from workers.network.bodies import NotAnswered
from workers.network.bounds import Bounds, CallsUntil, Overdue
from workers.network.mcp import Manner
from workers.turns.tools.mcp_offers import Offers

#: Seconds for which a listing is used: so long does a new tool of a server stay unknown.
FRESH = 300.0

#: Seconds for which a server that was not reached is not asked again: else each turn would wait for it.
AWAY = 15.0

#: Listings that a process keeps; the one that was not used longest goes. The worst that a server can make of one was
#: measured to be 4 MB.
MOST = 256

#: Tenant, connection, and what was declared of it.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Listing:
    """What a server offers, and how it is spoken to."""

    offers: Offers
    manner: Manner


class Listings:
    """Of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Future[Listing], float]] = OrderedDict()

    def get(self, key: Key, ask: Callable[[], Listing], *, seconds: float, calls_until: CallsUntil) -> Listing:
        """The listing; raises what asking raises, and for who waited meanwhile `NotAnswered`."""
        bounds = Bounds(seconds, calls_until)
        while True:
            future, mine = self._taken(key)
            if mine:
                return self._obtained(key, future, ask)
            while not future.done():
                wait([future], bounds.patience())
            if not future.cancelled():
                return future.result()

    def forget(self, key: Key) -> None:
        """Ask anew next time: what the server does is not what it said."""
        with self._lock:
            self._kept.pop(key, None)

    def _taken(self, key: Key) -> tuple[Future[Listing], bool]:
        """The answer there is or will be, and whether whoever takes it is the one to ask."""
        with self._lock:
            future, until = self._kept.get(key, (None, 0.0))
            if future is not None and (not future.done() or monotonic() < until):
                self._kept.move_to_end(key)
                return future, False
            future = Future()
            self._kept[key] = (future, 0.0)
            self._kept.move_to_end(key)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
            return future, True

    def _obtained(self, key: Key, future: Future[Listing], ask: Callable[[], Listing]) -> Listing:
        try:
            listing = ask()
        except (NotAllowed, NotAnswered, Overdue) as error:
            self._keep(key, future, AWAY)
            future.set_exception(NotAnswered(f"its tools are not known: {error}"))
            raise
        except BaseException:  # the run that asked is over, and nothing has been heard: who waits asks for itself
            future.cancel()
            future.set_running_or_notify_cancel()
            raise
        self._keep(key, future, FRESH)
        future.set_result(listing)
        return listing

    def _keep(self, key: Key, future: Future[Listing], seconds: float) -> None:
        with self._lock:
            if self._kept.get(key, (None, 0.0))[0] is future:
                self._kept[key] = (future, monotonic() + seconds)

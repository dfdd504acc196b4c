"""What lies outside in a story: a tenant's orders, and its server of tools. They know who asked them for what."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.agents.connections import HttpEndpoint, McpServer
from tests.support.mcp_servers import listed, saying, scripted
from tests.support.outsider import Heard, Outsider, Says, outsider
from tests.support.waiting import PATIENCE

#: As `workers.turns.tools.mcp` tells it.
KEY = "headgate/idempotency-key"


class Beyond:
    """Both servers. `heard`: how often each idempotency key was heard; `offered`: the tool that there is now."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.offered = ""
        self._orders: Outsider
        self._tools: Outsider
        self._lock = threading.Lock()
        self._hold, self._met = "", Counter[str]()
        self.held, self._let_go = threading.Event(), threading.Event()

    @property
    def connections(self) -> Mapping[str, HttpEndpoint | McpServer]:
        return {
            "orders": HttpEndpoint(url=f"{self._orders.url}/orders", description="orders", methods=("POST",)),
            "crm": McpServer(url=self._tools.url),
        }

    def hold(self, what: str) -> None:
        """The nth request of a sort from now on (`orders 2`) has no answer until it is let go; `held` is its sign."""
        self._hold, self._met = what, Counter()
        self.held, self._let_go = threading.Event(), threading.Event()

    def let_go(self) -> None:
        self._let_go.set()
        self._hold = ""

    @contextmanager
    def there(self) -> Iterator["Beyond"]:
        with outsider(self._order) as self._orders, outsider(self._ask) as self._tools:
            yield self
            self.let_go()

    def _order(self, heard: Heard) -> Says:
        self._hear("orders", heard.headers["idempotency-key"])
        return Says()

    def _ask(self, heard: Heard) -> Says:
        if b'"tools/list"' in heard.body:
            self._hear("tools/list")
        return scripted([listed(self.offered)], self._use)(heard)

    def _use(self, _: Heard, params: dict[str, Any]) -> dict[str, Any]:
        self._hear("tools/call", params["_meta"][KEY])
        return saying(json.dumps(params["arguments"]))

    def _hear(self, sort: str, key: str | None = None) -> None:
        with self._lock:
            if key is not None:
                self.heard[key] += 1
            self._met[sort] += 1
            holds, let_go = self._hold == f"{sort} {self._met[sort]}", self._let_go
        if holds:
            self.held.set()
            let_go.wait(PATIENCE)

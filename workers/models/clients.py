"""The OpenAI clients of a process: shared by its slots, never made per call.

Each provider and key has as many as its calls at once need, one for each: a client looks at all its connections
whenever it begins and ends a call. One under 250 calls was measured to be 1.3 to 1.6 times slower than ten, and a call
costs 0.88 ms of CPU where 25 share a client, 0.78 where 4 do, 0.73 where none does. They share what is believed of
certificates, which costs 19 ms of CPU and 0.8 MB to read; the rest of a client costs 0.1 ms and 4 KB, and its
connections. The SDK's own retries are off: how often and when a call is repeated is decided in one place, the gate. The
connections are ours (`workers.network.wire`), for a call must end when its run must.

Nothing here is made before the first call, so a process may fork until then.
"""

import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from shared.clock import monotonic

if TYPE_CHECKING:
    from openai import OpenAI

#: Keys whose clients are kept; beyond it, those that were used longest ago are closed.
MOST_KEYS = 256

#: Seconds after which a client that nobody uses is closed. Its connection is too old by then to be used again
#: (`http_client.KEPT`), but stays open until somebody looks at it: sixty keys with ten calls at once each were seen to
#: leave six hundred open, and a process may open 1,024 files where nobody says more.
IDLE_SECONDS = 5.0


class ClientKey(NamedTuple):
    """What a client is for: whoever has this key, at this address."""

    address: str
    key: SecretStr


@dataclass
class Shelf:
    """The clients of one key. The one that came back last is lent first: its connection is the likeliest to live.

    `idle`: with the moment (monotonic seconds) at which each came back, the oldest first.
    """

    idle: "deque[tuple[float, OpenAI]]" = field(default_factory=deque)
    lent: int = 0

    def drop(self, before: float) -> None:
        """Close those that came back before this."""
        while self.idle and self.idle[0][0] < before:
            self.idle.popleft()[1].close()


class Clients:
    def __init__(self, *, most_keys: int = MOST_KEYS) -> None:
        self._most_keys, self._lock = most_keys, threading.Lock()
        self._shelves: dict[ClientKey, Shelf] = {}
        self._unused: dict[ClientKey, float] = {}  # those that lend nothing, since when, in that order

    @contextmanager
    def lent(self, address: str, key: SecretStr) -> Iterator["OpenAI"]:
        """The SDK towards this address, with this key, for one call."""
        client_key = ClientKey(address, key)
        with self._lock:
            sdk = self._taken(client_key)
        try:
            sdk = sdk or self._made(client_key)
            yield sdk
        finally:
            with self._lock:
                self._returned(client_key, sdk)

    def close(self) -> None:
        """Close every client that nobody uses."""
        with self._lock:
            for client_key in list(self._unused):
                self._forget(client_key)

    def _taken(self, client_key: ClientKey) -> "OpenAI | None":
        """One that is there already; whoever is answered None makes one, and returns it."""
        shelf = self._shelves.setdefault(client_key, Shelf())
        self._unused.pop(client_key, None)
        shelf.lent += 1
        self._drop(monotonic())
        return shelf.idle.pop()[1] if shelf.idle else None

    def _returned(self, client_key: ClientKey, sdk: "OpenAI | None") -> None:
        """None: it could not be made."""
        shelf, now = self._shelves[client_key], monotonic()
        shelf.lent -= 1
        if sdk is not None:
            shelf.idle.append((now, sdk))
        shelf.drop(now - IDLE_SECONDS)
        if not shelf.lent:
            self._unused[client_key] = now
        self._drop(now)

    def _drop(self, now: float) -> None:
        """Close what nobody has used for a while, and of too many keys those that nobody has used for longest."""
        while self._unused:
            oldest, since = next(iter(self._unused.items()))
            if since >= now - IDLE_SECONDS and len(self._shelves) <= self._most_keys:
                return
            self._forget(oldest)

    def _forget(self, client_key: ClientKey) -> None:
        del self._unused[client_key]
        self._shelves.pop(client_key).drop(inf)

    def _made(self, client_key: ClientKey) -> "OpenAI":
        from openai import OpenAI  # noqa: PLC0415 - costs 1.25 s of CPU, which only who calls a model should pay

        from workers.models.http_client import http_client  # noqa: PLC0415 - as above

        key, client = client_key.key.get_secret_value(), http_client(self._trust)
        made = OpenAI(api_key=key, base_url=client_key.address, max_retries=0, http_client=client)
        made.organization = made.project = None  # those of the environment belong to another's key
        return made

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Whose certificates are believed: what the system says, or `SSL_CERT_FILE`."""
        import httpx2  # noqa: PLC0415 - as above

        return httpx2.create_ssl_context()

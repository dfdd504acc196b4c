"""The OpenAI clients of a process: shared by its slots, never made per call.

Each provider and key has as many as its calls at once need, one for each: a client looks at all its connections
whenever it begins and ends a call. One under 250 calls was measured to be 1.3 to 1.6 times slower than ten, and a call
costs 0.88 ms of CPU where 25 share a client, 0.78 where 4 do, 0.73 where none does. They share what is believed of
certificates, which costs 19 ms of CPU and 0.8 MB to read; the rest of a client costs 0.1 ms and 4 KB, and its
connections. The SDK's own retries are off: how often and when a call is repeated is decided in one place, the gate. The
connections are ours (`workers.models.wire`), for a call must end when its run must.

Nothing here is made before the first call, so a process may fork until then.
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

if TYPE_CHECKING:
    from openai import OpenAI

#: Keys whose clients are kept; beyond it, those that were used longest ago are closed. Each keeps its idle connections
#: open for a while, and a process may open 1,024 files where nobody says more.
MOST_KEYS = 256


class Place(NamedTuple):
    """What a client is for."""

    address: str
    key: SecretStr


@dataclass
class Shelf:
    """The clients of one place. The one that came back last is lent first: its connection is the likeliest to live."""

    idle: "list[OpenAI]" = field(default_factory=list)
    lent: int = 0


class Clients:
    def __init__(self, *, most_keys: int = MOST_KEYS) -> None:
        self._most_keys, self._lock = most_keys, threading.Lock()
        self._shelves: dict[Place, Shelf] = {}  # in the order in which they were last used

    @contextmanager
    def lent(self, address: str, key: SecretStr) -> Iterator["OpenAI"]:
        """The SDK towards this address, with this key, for one call."""
        shelf, sdk = self._taken(Place(address, key))
        try:
            yield sdk
        finally:
            with self._lock:
                shelf.lent -= 1
                shelf.idle.append(sdk)

    def close(self) -> None:
        """Close every client that nobody uses."""
        with self._lock:
            self._drop(most=0)

    def _taken(self, place: Place) -> "tuple[Shelf, OpenAI]":
        with self._lock:
            shelf = self._shelves.pop(place, None) or Shelf()
            self._shelves[place] = shelf
            sdk = shelf.idle.pop() if shelf.idle else self._made(place)
            shelf.lent += 1
            self._drop(most=self._most_keys)
        return shelf, sdk

    def _drop(self, *, most: int) -> None:
        unused = [place for place, shelf in self._shelves.items() if not shelf.lent]
        for place in unused[: max(0, len(self._shelves) - most)]:
            for sdk in self._shelves.pop(place).idle:
                sdk.close()

    def _made(self, place: Place) -> "OpenAI":
        from openai import OpenAI  # noqa: PLC0415 - costs 1.25 s of CPU, which only who calls a model should pay

        from workers.models.wire import http_client  # noqa: PLC0415 - as above

        key, client = place.key.get_secret_value(), http_client(self._trust)
        made = OpenAI(api_key=key, base_url=place.address, max_retries=0, http_client=client)
        made.organization = made.project = None  # those of the environment belong to another's key
        return made

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Whose certificates are believed: what the system says, or `SSL_CERT_FILE`."""
        import httpx2  # noqa: PLC0415 - as above

        return httpx2.create_ssl_context()

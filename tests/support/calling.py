"""Calls to a provider at this port, with no job around them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.balky import Balky
from workers.calls import Reply
from workers.models.chat import ChatRequest, chat_call
from workers.models.clients import Clients
from workers.models.provider import OpenProvider
from workers.network import bounds

#: Seconds that a call here may take.
LONG = 60.0

#: Seconds after its bound at which a call has surely ended, on a busy machine; without a bound it would take long.
SOON = 20.0

#: Arranges that the time of a call is over as soon as this provider has heard of it.
OverOnce = Callable[[Balky], None]


def provider(port: int, calls_until: Callable[[], float] = lambda: inf, *, scheme: str = "http") -> OpenProvider:
    return way(f"{scheme}://localhost:{port}/v1", calls_until)


def way(address: str, calls_until: Callable[[], float] = lambda: inf, *, key: str = "sk-test-key") -> OpenProvider:
    """To a provider at this address."""
    return OpenProvider(Clients(), address, lambda: SecretStr(key), calls_until)


def called(made: OpenProvider, words: str = "hello", *, timeout: float = LONG) -> Reply:
    request = ChatRequest("m", [{"role": "user", "content": words}], 0.0, 10, [])
    return chat_call(made, request, timeout=timeout).make("call")


@contextmanager
def ending(error: type[Exception], saying: str | None = None) -> Iterator[Any]:
    """The call ends with this error, soon after a slice at most."""
    began = time.monotonic()
    with pytest.raises(error, match=saying) as raised:
        yield raised
    assert time.monotonic() - began < bounds.SLICE + SOON

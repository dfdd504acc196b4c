"""A session with an MCP server that a tenant declared, by the protocol's own SDK.

A session is for one call: none is kept that another tenant could come to use, and what a server remembers of one it
cannot mix into another. Where a server speaks the protocol without sessions (2026-07-28 and later), a call is one
request; with older ones it is five, on one connection. Only HTTP: what is started by a command would run it here.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import httpx2

from workers.network.addresses import Network
from workers.network.background import background
from workers.network.bodies import NotAnswered
from workers.network.bounds import CallsUntil
from workers.network.endpoint import Endpoint
from workers.network.messages import weighed
from workers.network.transport import CheckedTransport

if TYPE_CHECKING:
    from mcp.client import Client

#: Characters of what a server says of an error that are passed on.
MOST_SAID = 500

Result = TypeVar("Result")


@dataclass(frozen=True)
class Manner:
    """How a server is spoken to: found out once, so that later calls need not ask."""

    mode: str = "auto"


def conversed(
    endpoint: Endpoint,
    allowed: Sequence[Network],
    manner: Manner,
    act: Callable[["Client"], Awaitable[Result]],
    *,
    seconds: float,
    calls_until: CallsUntil,
) -> Result:
    """What `act` comes to in a session; raises `NotAllowed`, `NotAnswered`, `Overdue`, `Interrupted`."""
    from mcp.client import Client  # noqa: PLC0415 - 0.9 s of CPU, which only who asks such a server should pay
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - as above

    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it logs what servers say

    async def session() -> Result:
        transport = CheckedTransport(endpoint, allowed)
        headers = endpoint.headers | {"accept-encoding": "identity"}
        http = httpx2.AsyncClient(transport=transport, headers=headers, trust_env=False, timeout=None)
        try:
            there = weighed(streamable_http_client(str(endpoint.url), http_client=http))
            async with http, Client(there, mode=manner.mode, cache=None) as client:
                return await act(client)
        except Exception as error:  # the boundary to a stranger's server, and to what the SDK makes of it
            raise transport.failure or NotAnswered(endpoint.scrub.text(_said(error))[:MOST_SAID]) from error

    return background().run(session, seconds, calls_until)


def manner_of(client: "Client") -> Manner:
    """As this session found out."""
    return Manner("legacy" if client.session.discover_result is None else client.protocol_version)


def _said(error: BaseException) -> str:
    """One line, of the first of many errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"it did not answer as MCP servers do: {' '.join(str(error).split()) or type(error).__name__}"

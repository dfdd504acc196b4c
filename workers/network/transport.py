"""HTTP for an SDK that is not Headgate's, towards one endpoint of a tenant and nowhere else.

The SDK makes what requests it likes, and follows what redirects it likes; each of them passes here. It is used for one
session and then closed, so no connection is ever another call's.
"""

import asyncio
from collections.abc import Iterable, Sequence

import httpcore2
import httpx2

from shared.errors import HeadgateError
from workers.network.addresses import Network, NotAllowed
from workers.network.bodies import NotAnswered
from workers.network.client import tls
from workers.network.endpoint import Endpoint
from workers.network.hosts import checked, looked_up
from workers.network.meter import Meter, Metered
from workers.network.urls import Url
from workers.network.wire import AddressInfo

#: Bytes that all answers of a session may have together, with what is around them.
MOST = 524_288

#: Requests of one session. Eleven list what a server offers; the SDK makes one for each thing that a server asks of it,
#: and goes on making them where answers break off.
REQUESTS = 64

#: Answers a request that the SDK can do without.
NOT_HERE = 405

#: Of which the SDK says no more than that it is an error; whoever keeps the credential should hear which.
UNAUTHORIZED = 401


class AsyncCheckedBackend(httpcore2.AnyIOBackend):
    """Makes connections to what may be reached; a host is looked up once, and stays where it was."""

    def __init__(self, allowed: Sequence[Network], meter: Meter) -> None:
        self._allowed, self._meter = allowed, meter
        self._found: dict[tuple[str, int], Sequence[AddressInfo]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failed: Exception = httpcore2.ConnectError(f"{host} has no address")
        for *_, address in await self._addresses(host, port):
            try:
                made = await super().connect_tcp(address[0], port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failed = error
            else:
                return Metered(made, self._meter)
        raise failed

    async def _addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        if (host, port) not in self._found:
            try:
                answers = await asyncio.wrap_future(looked_up(host, port))
            except OSError as error:
                raise httpcore2.ConnectError(f"{host}:{port}: {error}") from error
            self._found[host, port] = checked(host, answers, self._allowed)
        return self._found[host, port]


class CheckedTransport(httpx2.AsyncHTTPTransport):
    """`failure`: why a request was not made or not answered; an SDK may hide it behind an error of its own."""

    def __init__(self, endpoint: Endpoint, allowed: Sequence[Network]) -> None:
        super().__init__(verify=tls())
        backend = AsyncCheckedBackend(allowed, Meter(MOST, self._failed))
        self._pool = httpcore2.AsyncConnectionPool(tls(), network_backend=backend)
        self._endpoint, self._left = endpoint, REQUESTS
        self.failure: HeadgateError | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.failure is not None:
            raise self.failure
        if not self._endpoint.url.holds(Url.of(str(request.url))):
            raise self._failed(NotAllowed("an answer leads to a place outside of what was declared"))
        if request.method == "GET" and "last-event-id" not in request.headers:
            return httpx2.Response(NOT_HERE)  # a stream of what the server says unasked: nobody listens
        self._left -= 1
        if self._left < 0:
            raise self._failed(NotAnswered(f"what it answered leads to more than {REQUESTS} requests"))
        try:
            response = await super().handle_async_request(request)
        except NotAllowed as error:
            raise self._failed(error) from None
        except httpx2.HTTPError as error:
            raise self._failed(NotAnswered(f"no whole answer came: {error or type(error).__name__}")) from error
        if response.status_code == UNAUTHORIZED:
            await response.aclose()
            raise self._failed(NotAnswered("it answered 401: it wants a credential, or another than it was sent"))
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise self._failed(NotAnswered("an answer is packed, which was not asked for"))
        return response

    def _failed(self, error: HeadgateError) -> HeadgateError:
        """The first failure is what all others come from, and nothing is asked after it."""
        self.failure = self.failure or error
        return self.failure

"""What comes off the wire in one session, counted.

Bodies may be read no further than they may be long. But what is around them need never become a body: interim answers,
headers, the edges of chunks. So bytes are counted where they come in; calls without a loop count theirs alike
(`workers.network.bounds`).
"""

import ssl
from collections.abc import Callable
from typing import Any

from httpcore2 import AsyncNetworkStream

from shared.errors import HeadgateError
from workers.network.bodies import NotAnswered

#: Called with what went wrong; answers what is raised.
Failing = Callable[[HeadgateError], HeadgateError]


class Meter:
    """Lets so many bytes through; then it raises `NotAnswered`, as `failing` will have it."""

    def __init__(self, most: int, failing: Failing) -> None:
        self._most, self._left, self._failing = most, most, failing

    def through(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise self._failing(NotAnswered(f"the answers are longer than {self._most:,} bytes"))
        return data


class Metered(AsyncNetworkStream):
    """A connection of the session; what TLS adds does not count."""

    def __init__(self, inner: AsyncNetworkStream, meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        return self._meter.through(await self._inner.read(max_bytes, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> AsyncNetworkStream:
        return Metered(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

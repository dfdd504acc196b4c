"""A TCP proxy before a server, that cuts connections or lets them go silent.

It runs in a thread with an event loop of its own. A *silent* connection is the worse loss: both ends believe in it and
nothing passes any more, as when a machine between them is gone. Connections made afterwards work.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from tests.support.workers import PATIENCE

#: Bytes moved at once.
CHUNK = 65_536

#: `SO_LINGER` of no seconds: closing resets the connection.
RESET = struct.pack("ii", 1, 0)


class Way:
    """One connection through the proxy."""

    def __init__(self, *ends: asyncio.StreamWriter) -> None:
        self._ends, self.silent = ends, False

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes from one end, until that end or the way is closed; of a silent one nobody hears it."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        if not self.silent:
            self.close()

    def cut(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        for end in self._ends:
            end.close()

    async def closed(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                await end.wait_closed()


class Proxy:
    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._ways: set[Way] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._away = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connected, "127.0.0.1", 0), self._loop
        ).result(PATIENCE)
        self.port = self._server.sockets[0].getsockname()[1]

    def instead(self, url: str) -> str:
        """The same URL by way of this proxy."""
        parts = urlsplit(url)
        userinfo, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{userinfo}{at}127.0.0.1:{self.port}"))

    def cut(self) -> int:
        """Reset every connection; answers how many there were."""
        return self._to_each(Way.cut)

    def silence(self) -> int:
        """From now on nothing passes on the connections that there are; answers how many."""

        def silence(way: Way) -> None:
            way.silent = True

        return self._to_each(silence)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Meanwhile nobody reaches the server: every connection is reset, and a new one is closed at once."""
        self._away = True
        self.cut()
        try:
            yield
        finally:
            self._away = False

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for way in self._ways.copy():
                way.cut()
                await way.closed()
            await asyncio.gather(*self._tasks)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def _to_each(self, act: Callable[[Way], None]) -> int:
        """To each connection on which something still passes."""

        async def acted() -> int:
            ways = [way for way in self._ways if not way.silent]
            for way in ways:
                act(way)
            return len(ways)

        return asyncio.run_coroutine_threadsafe(acted(), self._loop).result(PATIENCE)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(self._there.hostname, self._there.port)
        except OSError:
            writer.close()
            return
        way = Way(writer, there_writer)
        if self._away:
            way.cut()
            return
        self._ways.add(way)
        pumps = {
            asyncio.create_task(way.pump(reader, there_writer)),
            asyncio.create_task(way.pump(there_reader, writer)),
        }
        self._tasks |= pumps
        await asyncio.wait(pumps)
        self._tasks -= pumps
        way.close()
        self._ways.discard(way)


@contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    """A proxy before the server of this URL."""
    made = Proxy(url)
    try:
        yield made
    finally:
        made.close()

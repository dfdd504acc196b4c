"""A connection's stream, whose every wait is bounded by the call that uses it; in the clear, or sealed by TLS.

httpcore's own streams take their time limits for each read alone. Here what is waited for is sliced, and the call is
asked between two slices (`workers.network.bounds`); the limits that httpcore names are not looked at.
"""

import ssl
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from httpcore2 import ConnectError, NetworkStream, ReadError, WriteError

from workers.network.bounds import current

#: Bytes that are taken from the network at once: a TLS record and what is around it.
CHUNK = 17 * 1024

#: Bytes of a request that are held at most until the rest of it is there.
MOST_HELD = 64 * 1024

Result = TypeVar("Result")


class Bounded(NetworkStream):
    """A stream whose every wait is bounded by the call that uses it."""

    #: What of the call's request has not left yet.
    _held = b""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send all of it, whatever it belongs to."""

    @abstractmethod
    def receive(self, most_bytes: int) -> bytes:
        """What has come next, once something has; nothing where nothing will."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - httpcore's signature
        """Hold a part of the call's request, so that its head and its body leave together.

        At the end of a request httpcore writes nothing: then all that is held leaves, and before that what is much.
        """
        self._held += buffer
        if not buffer or len(self._held) >= MOST_HELD:
            self._leave()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - httpcore's signature
        if self._held:
            with suppress(WriteError):  # it may have been answered before it was taken, as httpcore knows, too
                self._leave()
        return self.receive(max_bytes)

    def _leave(self) -> None:
        """Send what is held, the first of a call not before the call has been asked."""
        bounds, held, self._held = current(), self._held, b""
        if not bounds.sent:
            bounds.patience()
            bounds.sent = True
        self.send(held)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> NetworkStream:
        return Sealed(self, ssl_context, server_hostname)


class Sealed(Bounded):
    """TLS over another stream, which may be TLS itself, where a proxy is reached by it."""

    def __init__(self, outer: Bounded, context: ssl.SSLContext, hostname: str | None) -> None:
        self._outer, self._in, self._out = outer, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=hostname)
        try:
            self._exchanged(self._tls.do_handshake)
        except BaseException as error:
            outer.close()
            if isinstance(error, ssl.SSLError | ReadError | WriteError):
                raise ConnectError(str(error)) from error
            raise

    def receive(self, most_bytes: int) -> bytes:
        try:
            return self._exchanged(lambda: self._tls.read(most_bytes))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise ReadError(str(error)) from error

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._exchanged(lambda left=left: self._tls.write(left)) :]  # type: ignore[misc]

    def close(self) -> None:
        self._outer.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and (self._in.pending or self._tls.pending()):
            return True
        return self._tls if info == "ssl_object" else self._outer.get_extra_info(info)

    def _exchanged(self, act: Callable[[], Result]) -> Result:
        """What TLS answers, once it has been given and has sent what it needs for that."""
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                self._flush()
                if data := self._outer.receive(CHUNK):
                    self._in.write(data)
                else:
                    self._in.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if sealed := self._out.read():
            self._outer.send(sealed)

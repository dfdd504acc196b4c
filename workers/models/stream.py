"""A connection's stream, whose every wait is bounded by the call that uses it; in the clear, or sealed by TLS.

httpcore's own streams take their time limits for each read alone. Here what is waited for is sliced, and the call is
asked between two slices (`workers.models.bounds`); the limits that httpcore names are not looked at.
"""

import ssl
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from httpcore2 import ConnectError, NetworkStream, ReadError, WriteError

from workers.models.bounds import current

#: Bytes that are taken from the network at once: a TLS record and what is around it.
CHUNK = 17 * 1024

Result = TypeVar("Result")


class Bounded(NetworkStream):
    """A stream whose every wait is bounded by the call that uses it."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send all of it, whatever it belongs to."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - httpcore's signature
        """Send a part of the call's request, the first not before the call has been asked."""
        bounds = current()
        if not bounds.sent:
            bounds.patience()
            bounds.sent = True
        self.send(buffer)

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

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - httpcore's signature
        try:
            return self._exchanged(lambda: self._tls.read(max_bytes))
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
                if data := self._outer.read(CHUNK):
                    self._in.write(data)
                else:
                    self._in.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if sealed := self._out.read():
            self._outer.send(sealed)

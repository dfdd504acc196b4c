"""Connections that wait no longer than the call that uses them may.

They take the place of httpcore's own. What they wait for is sliced (`workers.network.bounds`): connecting, sending,
reading. The one wait that cannot be sliced is the look-up of a host's name; nothing has been sent then, and right
after it the call is asked.
"""

import errno
import os
import select
import socket
from collections.abc import Iterable, Sequence
from typing import Any

from httpcore2 import SOCKET_OPTION, ConnectError, NetworkBackend, NetworkStream, ReadError, WriteError

from shared.clock import monotonic
from workers.network.bounds import Bounds, current
from workers.network.stream import Bounded

#: Longest time in seconds that one address of a host may take to answer; then the next is tried.
CONNECT_SECONDS = 10.0

#: As `socket.getaddrinfo` tells of an address: family, kind, protocol, canonical name, what a socket is connected to.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class Wire(Bounded):
    """A TCP connection. Its socket never waits by itself, so each look at it is one system call."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def receive(self, most_bytes: int) -> bytes:
        bounds = current()
        while True:
            if not _is_ready(self._sock, select.POLLIN, bounds.patience()):
                continue  # the run is asked again
            try:
                data = self._sock.recv(most_bytes)
            except BlockingIOError:
                continue  # as above
            except OSError as error:
                raise ReadError(str(error)) from error
            bounds.took(len(data))
            return data

    def send(self, data: bytes) -> None:
        bounds, left = current(), memoryview(data)
        while left:
            patience = bounds.patience()
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                _is_ready(self._sock, select.POLLOUT, patience)
            except OSError as error:
                raise WriteError(str(error)) from error

    def close(self) -> None:
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._sock
            case "is_readable":
                return self._sock.fileno() < 0 or _is_ready(self._sock, select.POLLIN, 0)
            case "client_addr":
                return self._sock.getsockname()
            case "server_addr":
                return self._sock.getpeername()
        return None


class Backend(NetworkBackend):
    """Makes connections for httpcore."""

    def addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        """The host's addresses, in the order in which they are tried; raises OSError where it has none."""
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature
        local_address: str | None = None,  # noqa: ARG002 - as above; we set none
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> NetworkStream:
        bounds, failed = current(), OSError(f"{host} has no address")
        try:
            for family, kind, protocol, _, address in self.addresses(host, port):
                try:
                    return Wire(_connected(socket.socket(family, kind, protocol), address, bounds))
                except OSError as error:
                    failed = error
        except OSError as error:
            failed = error
        raise ConnectError(f"{host}:{port}: {failed}") from failed


def _connected(sock: socket.socket, address: Any, bounds: Bounds) -> socket.socket:
    """The socket, connected to this address; raises OSError where it cannot be."""
    try:
        bounds.patience()
        sock.setblocking(False)
        if (outcome := sock.connect_ex(address)) == errno.EINPROGRESS:
            outcome = _awaited(sock, bounds)
        _check(outcome)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _awaited(sock: socket.socket, bounds: Bounds) -> int:
    """How connecting ended: 0, or what was wrong."""
    give_up = monotonic() + CONNECT_SECONDS
    while not _is_ready(sock, select.POLLOUT, bounds.patience()):
        if monotonic() >= give_up:
            return errno.ETIMEDOUT
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _check(outcome: int) -> None:
    if outcome:
        raise OSError(outcome, os.strerror(outcome))


def _is_ready(sock: socket.socket, event: int, seconds: float) -> bool:
    """Within so many seconds; also once its other end has closed it."""
    poller = select.poll()
    poller.register(sock, event)
    return bool(poller.poll(seconds * 1000))

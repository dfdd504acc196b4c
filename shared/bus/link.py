"""A connection to RabbitMQ that is opened when it is needed and opened anew when it was lost.

It hands out plain AMQP channels. Kombu's own consumer decodes and even decompresses what strangers claim their bytes
to be; here bytes stay bytes.
"""

import socket
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from amqp import Message
from amqp.exceptions import MessageNacked
from kombu import Connection
from kombu.transport.pyamqp import Channel, Transport

#: Everything by which AMQP says that something did not work (sockets' own errors are among them).
FAILURES: tuple[type[Exception], ...] = (*Transport.connection_errors, *Transport.channel_errors, MessageNacked)

#: Seconds without an answer after which a connection counts as lost.
SOCKET_TIMEOUT = 8.0

#: A silent connection is probed by the system: after 10 s, every 2 s, lost after 3 probes, so within 16 s.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 16_000}


class Link:
    def __init__(self, url: str, *, heartbeat: float = 0) -> None:
        """`heartbeat`: seconds; whoever sets it must `drain` at least that often, or the broker hangs up."""
        self._url = url
        self._heartbeat = heartbeat
        self._connection: Any = None  # kombu's stubs and py-amqp's disagree on what it is
        #: How often it was opened. A delivery tag means nothing on a later connection.
        self.opened = 0

    def channel(self) -> Channel:
        """A fresh channel, on a fresh connection when there is none."""
        if self._connection is None:
            self._connection = self._open()
            self.opened += 1
        channel: Channel = self._connection.channel()
        channel.auto_decode = False
        return channel

    def drain(self, timeout: float) -> bool:
        """Let the channels see what has come; False when nothing came within `timeout` seconds."""
        try:
            if self._heartbeat:
                self._connection.heartbeat_tick()
            self._connection.drain_events(timeout=timeout)
        except TimeoutError:
            return False
        return True

    def drop(self) -> None:
        """Forget a connection that failed, without a word to the broker."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FAILURES):
                connection.close()

    def _open(self) -> Any:
        connection = Connection(
            self._url,
            heartbeat=self._heartbeat,
            connect_timeout=SOCKET_TIMEOUT,
            ssl=_tls(self._url),
            transport_options={
                "read_timeout": SOCKET_TIMEOUT,
                "write_timeout": SOCKET_TIMEOUT,
                "socket_settings": _keepalive(),
            },
        )
        # Not `connection.connect()`, which tries twice and sleeps two seconds in between.
        return connection.transport.establish_connection()


def raw(message: Message) -> bytes:
    """The body as it came; py-amqp shows an empty one as a string."""
    return b"" if isinstance(message.body, str) else bytes(message.body)


def _keepalive() -> dict[int, int]:
    """By the numbers of this system, which may lack some."""
    return {getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)}


def _tls(url: str) -> bool | dict[str, Any]:
    """`amqps://` alone would not look at whose certificate it is shown."""
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return False
    return {"server_hostname": parts.hostname, "cert_reqs": ssl.CERT_REQUIRED}

"""Ports on the loopback address. Between choosing one and using it somebody may take it, so a start tries a few."""

import socket
from collections.abc import Callable
from contextlib import suppress

from shared.embedded.process import PortLost

HOST = "127.0.0.1"
#: Tries before the loss is reported; two lost races in a row have not been seen.
TRIES = 5


def on_free_port(start: Callable[[int], None]) -> int:
    """Start on a free port; answer which one it became."""
    for _ in range(TRIES - 1):
        with suppress(PortLost):
            return once(start)
    return once(start)


def once(start: Callable[[int], None]) -> int:
    port = free_port()
    start(port)
    return port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

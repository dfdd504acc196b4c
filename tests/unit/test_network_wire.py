"""What leaves on a connection, and when."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

import pytest

from workers.network.bounds import bounded, current
from workers.network.stream import MOST_HELD
from workers.network.wire import Wire

HEAD, BODY = b"POST / HTTP/1.1\r\n\r\n", b"{}"


@contextmanager
def talking() -> Iterator[tuple[Wire, socket.socket]]:
    """A connection and its other end, in a call that may take long."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs, bounded(60.0, lambda: inf):
        yield Wire(ours), theirs


def test_the_head_of_a_request_waits_for_its_body_and_leaves_with_it() -> None:
    with talking() as (wire, theirs):
        wire.write(HEAD)
        wire.write(BODY)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
        assert not current().sent
        wire.write(b"")
        assert theirs.recv(100) == HEAD + BODY
        assert current().sent


def test_what_is_held_leaves_before_an_answer_is_waited_for() -> None:
    """Of what a proxy is asked httpcore says no end."""
    with talking() as (wire, theirs):
        wire.write(HEAD)
        theirs.send(b"well")
        assert wire.read(100) == b"well"
        assert theirs.recv(100) == HEAD


def test_a_long_request_leaves_as_it_comes() -> None:
    with talking() as (wire, theirs):
        wire.write(bytes(MOST_HELD))
        assert theirs.recv(1) == bytes(1)

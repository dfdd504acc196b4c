"""Where a bus can be tried out, and the few words that the tests speak."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import kombu
from kombu.transport.pyamqp import Channel

from shared.bus import Bus, Delivery, Names, connect
from tests.integration.bus.servers import Cable

RABBITMQ = 5672


class Place:
    """A broker, and names on it that nobody else uses."""

    def __init__(self, url: str, port: int) -> None:
        self.names = Names(f"test-{uuid.uuid4().hex}")
        self.address = f"{self.names.prefix}.replies.billing.one"
        self._port = port
        self._url = url
        self._closers: list[Callable[[], None]] = []

    def url(self, port: int | None = None) -> str:
        return self._url.format(port=port or self._port)

    def bus(self, *, port: int | None = None, refused_kept: int = 10_000) -> Bus:
        bus = connect(self.url(port), refused_kept=refused_kept, names=self.names)
        self._closers.append(bus.close)
        return bus

    def cable(self) -> Cable:
        cable = Cable(self._port)
        self._closers.append(cable.remove)
        return cable

    def close(self) -> None:
        for closer in reversed(self._closers):
            closer()


@contextmanager
def amqp_channel() -> Iterator[Channel]:
    with kombu.Connection(f"amqp://guest:guest@127.0.0.1:{RABBITMQ}//") as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        yield channel


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    return [delivery.body for delivery in deliveries]


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def gather(receive: Callable[[], list[Delivery]], count: int, *, within: float = 30.0) -> list[Delivery]:
    """Receive until so many are there."""
    until = time.monotonic() + within
    gathered: list[Delivery] = []
    while len(gathered) < count and time.monotonic() < until:
        gathered += receive()
    return gathered

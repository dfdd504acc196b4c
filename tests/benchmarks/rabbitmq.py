"""The RabbitMQ beside which Headgate is measured, where there is one."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.bus.places import RABBITMQ, amqp_channel


def rabbitmq() -> str | None:
    """Its address, if it answers."""
    with socket.socket() as probe:
        return None if probe.connect_ex(("127.0.0.1", RABBITMQ)) else f"amqp://guest:guest@127.0.0.1:{RABBITMQ}//"


@contextmanager
def queue(name: str) -> Iterator[str]:
    """One of our own there; gone afterwards, with the exchange that Celery gives each queue."""
    try:
        yield name
    finally:
        with amqp_channel() as channel:
            channel.queue_delete(name)
            channel.exchange_delete(name)

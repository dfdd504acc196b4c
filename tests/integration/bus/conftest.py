"""Every transport of the bus: Redis streams on a server of our own, RabbitMQ where there is one."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.bus.places import RABBITMQ, Place, amqp_channel
from tests.integration.bus.servers import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def stream_place(valkey: Valkey) -> Iterator[Place]:
    with closing(Place("redis://:@127.0.0.1:{port}/0", valkey.port)) as place:
        yield place


@pytest.fixture
def amqp_place() -> Iterator[Place]:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", RABBITMQ)):
            pytest.skip(f"no RabbitMQ on 127.0.0.1:{RABBITMQ}")
    with closing(Place("amqp://guest:guest@127.0.0.1:{port}//", RABBITMQ)) as place:
        yield place
    with amqp_channel() as channel:
        for queue in (place.names.jobs, place.names.refused, place.address):
            channel.queue_delete(queue)


@pytest.fixture(params=["stream_place", pytest.param("amqp_place", marks=pytest.mark.rabbitmq)])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found

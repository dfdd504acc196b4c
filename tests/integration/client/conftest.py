"""A cell, a bus in front of it on either transport, and a tenant whose reply queues nobody else has."""

import socket
from collections.abc import Iterator

import pytest

from shared.bus import Names
from shared.bus.names import NAMES
from shared.cell import Cell
from tests.integration.bus.places import RABBITMQ, amqp_channel
from tests.integration.client.bus import Bus, OwnNames
from tests.support.cells import make_tenant


@pytest.fixture
def redis_bus(cell: Cell) -> Bus:
    """In the cell's own Redis, which is emptied before each test, so that the names may be everyone's."""
    return Bus(cell.bus_url, NAMES, make_tenant(cell, "acme"))


@pytest.fixture
def amqp_bus(cell: Cell) -> Iterator[Bus]:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", RABBITMQ)):
            pytest.skip(f"no RabbitMQ on 127.0.0.1:{RABBITMQ}")
    names: Names = OwnNames()
    bus = Bus(f"amqp://guest:guest@127.0.0.1:{RABBITMQ}//", names, make_tenant(cell, names.prefix))
    yield bus
    with amqp_channel() as channel:
        for queue in (names.jobs, names.refused, *map(bus.address, bus.clients)):
            channel.queue_delete(queue)


@pytest.fixture(params=["redis_bus", pytest.param("amqp_bus", marks=pytest.mark.rabbitmq)])
def bus(request: pytest.FixtureRequest) -> Bus:
    found: Bus = request.getfixturevalue(request.param)
    return found

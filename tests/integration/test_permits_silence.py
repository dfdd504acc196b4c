"""A broker that takes what is sent and answers nothing, or is not there, costs permits, never a slot."""

import socket
import uuid
from collections.abc import Iterator

import pytest

from shared import lanes
from shared.cell import Cell
from shared.clock import monotonic
from shared.embedded.ports import free_port
from shared.lanes import PermitPublisher
from shared.telemetry import metrics
from tests.integration.bus.places import amqp_channel
from tests.support.proxy import proxy

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"


@pytest.fixture
def lane() -> Iterator[str]:
    """A lane that nobody else has."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5672)):
            pytest.skip("no RabbitMQ on 127.0.0.1:5672")
    name = f"ops.test-{uuid.uuid4().hex}"
    yield name
    with amqp_channel() as channel:
        channel.queue_delete(name)


def waiting(lane: str) -> int:
    with amqp_channel() as channel:
        found = channel.queue_declare(lane, passive=True)
    assert found is not None
    return int(found[1])


@pytest.mark.rabbitmq
def test_a_silent_connection_is_given_up_and_the_next_permits_get_through(
    lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lanes.AMQP_TRANSPORT, "read_timeout", 1)
    with proxy(RABBITMQ) as way:
        publisher = PermitPublisher(way.instead(RABBITMQ))
        publisher.publish({lane: 1})
        assert way.silence() > 0
        publisher.publish({lane: 1})
        publisher.publish({lane: 1})
    assert waiting(lane) == 2


def test_permits_that_one_redis_does_not_take_in_time_are_lost_and_counted_and_the_next_get_through(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They leave together, in one round trip."""
    monkeypatch.setitem(lanes.REDIS_TRANSPORT, "socket_timeout", 1)
    lost = metrics.PERMITS_LOST._value.get
    with proxy(cell.broker_url) as way:
        publisher = PermitPublisher(way.instead(cell.broker_url))
        publisher.publish({"turns.pro": 3, "ops.pro": 1})
        before = lost()
        assert way.silence() > 0
        publisher.publish({"turns.pro": 2})
        publisher.publish({"turns.pro": 2})
    assert lost() == before + 1
    with publisher._celery.connection_for_read(cell.broker_url) as connection:
        waits = {lane: connection.SimpleQueue(lane).qsize() for lane in ("turns.pro", "ops.pro")}
    assert waits == {"turns.pro": 5, "ops.pro": 1}


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_not_there_holds_nobody_up(scheme: str) -> None:
    publisher = PermitPublisher(f"{scheme}://127.0.0.1:{free_port()}/0")
    before, begun = metrics.PERMITS_LOST._value.get(), monotonic()
    for _ in range(2):
        publisher.publish({"turns.pro": 1})
    assert metrics.PERMITS_LOST._value.get() == before + 2
    assert monotonic() - begun < 3, "kombu waits for six seconds between two tries"


@pytest.mark.rabbitmq
def test_a_queue_that_the_broker_refuses_costs_its_permits_and_no_other(lane: str) -> None:
    """Somebody has made it as a queue of another kind."""
    with amqp_channel() as channel:
        channel.queue_declare(lane, durable=False, auto_delete=False)
    publisher, before = PermitPublisher(RABBITMQ), metrics.PERMITS_LOST._value.get()
    publisher.publish({lane: 1})
    assert metrics.PERMITS_LOST._value.get() == before + 1
    assert waiting(lane) == 0
    with amqp_channel() as channel:
        channel.queue_delete(lane)
    publisher.publish({lane: 1})
    assert waiting(lane) == 1

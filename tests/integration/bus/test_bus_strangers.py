"""Whatever strangers put on the bus, or ask of it, harms nothing, on every transport."""

from typing import Any

import pytest
import redis
from amqp import Message

from shared.bus import AddressRefused, connect
from shared.errors import ConfigurationError
from tests.integration.bus.places import Place, amqp_channel, bodies, gather, numbered
from tests.integration.bus.servers import Valkey


def test_garbage_comes_byte_for_byte(place: Place) -> None:
    garbage = [b"", b"\x00\xff\xfe", b"{", "\ud7ff".encode("utf-16"), b"x" * 300_000]
    bus = place.bus()
    bus.send(garbage)
    assert bodies(gather(lambda: bus.receive(10, 5.0), 5)) == garbage


@pytest.mark.parametrize(
    "tail", [".jobs", ".refused", ".replies", ".replies.", ".replies.a b", ".replies." + "x" * 250]
)
def test_an_address_that_is_not_for_answers_is_refused(place: Place, tail: str) -> None:
    bus = place.bus()
    for ask in (lambda address: bus.reply(address, [b"x"]), lambda address: bus.replies(address, 1, 0.0)):
        with pytest.raises(AddressRefused, match="replies"):
            ask(place.names.prefix + tail)
    assert bus.depth() == 0


def test_refused_messages_are_bounded_and_the_newest_stay(place: Place) -> None:
    bus = place.bus(refused_kept=3)
    bus.keep_refused(numbered(5))
    assert bus.refused(10) == [b"4", b"3", b"2"]
    assert bus.refused(2) == [b"4", b"3"]


def test_another_bound_for_refused_messages_stops_nothing(place: Place) -> None:
    place.bus(refused_kept=3).keep_refused([b"old"])
    other = place.bus(refused_kept=7)
    other.keep_refused([b"new"])
    assert other.refused(10) == [b"new", b"old"]


def test_an_entry_without_an_event_is_handed_out_to_be_refused(valkey: Valkey, stream_place: Place) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.xadd(stream_place.names.jobs, {"evnt": "typo"})
        client.xadd(stream_place.names.jobs, {"event": "fine"})
    assert bodies(stream_place.bus().receive(10, 5.0)) == [b"{b'evnt': b'typo'}", b"fine"]


def test_a_reply_queue_that_is_something_else_is_refused_and_stops_nothing(valkey: Valkey, stream_place: Place) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.set(stream_place.address, "not a stream")
    bus = stream_place.bus()
    with pytest.raises(AddressRefused):
        bus.reply(stream_place.address, [b"answer"])
    bus.send([b"job"])
    assert [delivery.body for delivery in bus.receive(1, 5.0)] == [b"job"]


@pytest.mark.rabbitmq
def test_what_a_message_says_of_itself_is_not_believed(amqp_place: Place) -> None:
    bus = amqp_place.bus()
    bus.send([])
    claims: list[dict[str, Any]] = [
        {"content_encoding": "utf-16"},
        {"content_encoding": "utf-8", "content_type": "application/x-python-serialize"},
        {"application_headers": {"compression": "application/x-gzip"}},
    ]
    with amqp_channel() as channel:
        for claim in claims:
            channel.basic_publish(Message(b"\xff\xfeab", **claim), routing_key=amqp_place.names.jobs)
    assert bodies(gather(lambda: bus.receive(10, 5.0), 3)) == [b"\xff\xfeab"] * 3


@pytest.mark.rabbitmq
def test_a_queue_declared_otherwise_is_said_so_until_it_is_gone(amqp_place: Place) -> None:
    bus = amqp_place.bus()
    with amqp_channel() as channel:
        channel.queue_declare(amqp_place.names.jobs, durable=True, auto_delete=False)
        for use in (lambda: bus.send([b"x"]), lambda: bus.receive(1, 0.0)):
            with pytest.raises(ConfigurationError, match="delete it"):
                use()
        channel.queue_delete(amqp_place.names.jobs)
    bus.send([b"x"])
    assert bodies(bus.receive(1, 20.0)) == [b"x"]


def test_an_unknown_transport_is_told_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match="amqp"):
        connect("http://127.0.0.1")

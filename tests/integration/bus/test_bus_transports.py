"""What every transport of the bus promises: one suite, on Redis streams and on RabbitMQ."""

from concurrent.futures import ThreadPoolExecutor

import redis

from shared.bus import Delivery
from shared.bus.names import REPLIES_AGE, REPLIES_KEPT
from tests.integration.bus.places import Place, bodies, gather, numbered
from tests.integration.bus.servers import Valkey


def test_jobs_come_in_the_order_they_were_sent_before_anybody_listened(place: Place) -> None:
    bus = place.bus()
    bus.send(numbered(600))
    bus.send([b"last"])

    def receive() -> list[Delivery]:
        batch = bus.receive(50, 5.0)
        bus.acknowledge(batch)
        return batch

    assert bodies(gather(receive, 601)) == [*numbered(600), b"last"]


def test_a_batch_is_no_larger_than_asked_for(place: Place) -> None:
    bus = place.bus()
    bus.send(numbered(5))
    assert bodies(bus.receive(2, 5.0)) == [b"0", b"1"]
    assert bodies(bus.receive(2, 5.0)) == [b"2", b"3"]


def test_receiving_waits_for_the_first_and_no_longer(place: Place) -> None:
    bus = place.bus()
    assert bus.receive(10, 0.0) == []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bus.receive, 10, 30.0)
        place.bus().send([b"news"])
        assert bodies(waiting.result(timeout=15)) == [b"news"]


def test_receiving_ends_when_nothing_comes(place: Place) -> None:
    assert place.bus().receive(10, 0.1) == []


def test_what_is_acknowledged_never_comes_again(place: Place) -> None:
    first = place.bus()
    first.send(numbered(3))
    batch = first.receive(10, 5.0)
    first.acknowledge(batch[:2])
    first.close()
    assert bodies(place.bus().receive(10, 20.0)) == [b"2"]


def test_what_is_given_back_comes_again_before_anything_new(place: Place) -> None:
    bus = place.bus()
    bus.send(numbered(4))
    bus.acknowledge(bus.receive(2, 5.0)[:1])
    bus.give_back()
    again = gather(lambda: bus.receive(10, 5.0), 3)
    assert bodies(again) == [b"1", b"2", b"3"]
    assert again[0].redelivered


def test_depth_counts_what_is_not_acknowledged(place: Place) -> None:
    bus = place.bus()
    assert bus.depth() == 0
    bus.send(numbered(5))
    assert bus.depth() == 5
    batch = bus.receive(5, 5.0)
    assert bus.depth() == 5
    bus.acknowledge(batch)
    assert bus.depth() == 5 - len(batch)


def test_answers_wait_for_their_reader_until_it_has_handled_them(place: Place) -> None:
    place.bus().reply(place.address, numbered(3))
    first = place.bus()
    first.acknowledge_replies(place.address, first.replies(place.address, 1, 5.0))
    assert bodies(first.replies(place.address, 1, 5.0)) == [b"1"]
    first.close()
    second = place.bus()
    assert bodies(gather(lambda: second.replies(place.address, 10, 5.0), 2)) == [b"1", b"2"]


def test_a_reader_may_come_before_its_first_answer(place: Place) -> None:
    reader = place.bus()
    assert reader.replies(place.address, 10, 0.0) == []
    place.bus().reply(place.address, [b"answer"])
    assert bodies(reader.replies(place.address, 10, 20.0)) == [b"answer"]


def test_answers_nobody_reads_are_bounded_and_the_newest_stay(place: Place) -> None:
    bus = place.bus()
    bus.reply(place.address, numbered(REPLIES_KEPT + 500))

    def receive() -> list[Delivery]:
        batch = bus.replies(place.address, 1000, 1.0)
        bus.acknowledge_replies(place.address, batch)
        return batch

    kept = bodies(gather(receive, REPLIES_KEPT))
    assert len(kept) < REPLIES_KEPT + 200
    assert kept[-1] == numbered(REPLIES_KEPT + 500)[-1]


def test_answers_on_a_stream_grow_old(valkey: Valkey, stream_place: Place) -> None:
    address = stream_place.address
    with redis.Redis(port=valkey.port) as client:
        stream_place.bus().replies(address, 1, 0.0)
        assert 0 < client.ttl(address) <= REPLIES_AGE
        client.xadd(address, {"event": "of last year"}, id="1-0")
        stream_place.bus().reply(address, [b"fresh"])
        assert 0 < client.ttl(address) <= REPLIES_AGE
    assert bodies(stream_place.bus().replies(address, 10, 5.0)) == [b"fresh"]


def test_acknowledged_jobs_leave_nothing_behind_on_a_stream(valkey: Valkey, stream_place: Place) -> None:
    bus = stream_place.bus()
    bus.send(numbered(3))
    bus.acknowledge(bus.receive(3, 5.0))
    with redis.Redis(port=valkey.port) as client:
        assert client.xlen(stream_place.names.jobs) == 0
        assert client.xpending_range(stream_place.names.jobs, "headgate", "-", "+", 10) == []

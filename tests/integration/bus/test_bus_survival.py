"""Lines are cut, consumers are killed, servers restart: what was not acknowledged comes again, on every transport."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis

from shared.bus import connect
from shared.errors import Unavailable
from tests.integration.bus.places import Place, bodies, gather, numbered
from tests.integration.bus.servers import Valkey

CONSUMER = """
import sys
from shared.bus import Names, connect
bus = connect(sys.argv[1], names=Names(sys.argv[2]))
while True:
    for delivery in bus.receive(10, 1.0):
        print(delivery.body.decode(), flush=True)
"""


@contextmanager
def consumer(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that receives and never acknowledges; in the end it is killed."""
    command = [sys.executable, "-c", CONSUMER, place.url(), place.names.prefix]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def printed(process: subprocess.Popen[str], lines: int) -> list[str]:
    assert process.stdout
    return [process.stdout.readline().strip() for _ in range(lines)]


def test_a_cut_line_is_unavailable_and_then_the_unfinished_jobs_come_again(place: Place) -> None:
    cable = place.cable()
    bus = place.bus(port=cable.port)
    bus.send(numbered(3))
    batch = gather(lambda: bus.receive(3, 5.0), 3)
    bus.acknowledge(batch[:1])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bus.receive, 10, 30.0)
        while not waiting.done():
            cable.cut()
        with pytest.raises(Unavailable):
            waiting.result()
    again = gather(lambda: bus.receive(10, 5.0), 2)
    assert bodies(again) == [b"1", b"2"]
    assert all(delivery.redelivered for delivery in again)
    bus.acknowledge(batch[:1])  # the broker's own numbers begin anew on a new line: this must acknowledge no other
    bus.give_back()
    assert bodies(gather(lambda: bus.receive(10, 5.0), 2)) == [b"1", b"2"]


def test_a_killed_consumers_jobs_go_to_the_one_that_waited(place: Place) -> None:
    bus = place.bus()
    bus.send([b"0", b"1"])
    with consumer(place) as active:
        assert printed(active, 2) == ["0", "1"]
        assert bus.receive(10, 0.5) == []
        bus.send([b"2", b"3", b"4", b"5"])
        assert printed(active, 4) == ["2", "3", "4", "5"]
        assert bus.receive(10, 0.5) == []
    again = gather(lambda: bus.receive(10, 1.0), 6)
    assert bodies(again) == numbered(6)
    assert all(delivery.redelivered for delivery in again)


def test_a_closed_consumer_makes_room_at_once(place: Place) -> None:
    first, second = place.bus(), place.bus()
    first.send(numbered(2))
    assert bodies(first.receive(1, 5.0)) == [b"0"]
    assert second.receive(10, 0.1) == []
    first.close()
    assert bodies(gather(lambda: second.receive(10, 1.0), 2, within=5.0)) == numbered(2)


def test_a_restarted_server_is_unavailable_and_then_works(valkey: Valkey, stream_place: Place) -> None:
    bus = stream_place.bus()
    bus.send(numbered(2))
    bus.acknowledge(bus.receive(2, 5.0)[:1])
    valkey.kill()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        bus.send([b"lost"])
    valkey.start()
    assert bodies(bus.receive(10, 5.0)) == [b"1"]


def test_entries_another_name_has_left_unfinished_are_claimed(valkey: Valkey, stream_place: Place) -> None:
    bus = stream_place.bus()
    bus.send([b"left"])
    with redis.Redis(port=valkey.port) as client:
        client.xgroup_create(stream_place.names.jobs, "headgate", "0")
        client.xreadgroup("headgate", "dead", {stream_place.names.jobs: ">"})
    assert bodies(bus.receive(10, 5.0)) == [b"left"]


@pytest.mark.parametrize("url", ["redis://me:secret@127.0.0.1:{}/0", "amqp://me:secret@127.0.0.1:{}//"])
def test_building_connects_nothing_and_a_failure_hides_the_password(url: str) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        bus = connect(url.format(port))
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}") as failure:
            bus.send([b"x"])
        assert "secret" not in str(failure.value)
        bus.close()


def test_a_consumer_that_overslept_its_lock_waits_and_then_takes_over_again(
    valkey: Valkey, stream_place: Place
) -> None:
    bus = stream_place.bus()
    assert bus.receive(1, 0.0) == []
    lock = f"{{{stream_place.names.jobs}}}.active"
    with redis.Redis(port=valkey.port) as client:
        client.set(lock, "its successor")
        bus.send([b"1"])
        assert bus.receive(1, 0.1) == []
        client.xreadgroup("headgate", "its successor", {stream_place.names.jobs: ">"})
        client.delete(lock)
    assert bodies(bus.receive(1, 5.0)) == [b"1"]


def test_a_full_memory_refuses_senders_and_lets_the_jobs_drain(valkey: Valkey, stream_place: Place) -> None:
    bus = stream_place.bus()
    bus.send(numbered(2))
    with redis.Redis(port=valkey.port) as client:
        client.config_set("maxmemory", 1)
    with pytest.raises(Unavailable, match="memory"):
        bus.send([b"too much"])
    bus.acknowledge(bus.receive(10, 5.0))
    assert bus.depth() == 0

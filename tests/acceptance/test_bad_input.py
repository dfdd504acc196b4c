"""Ten thousand bad messages among two hundred good ones, through a real bus: none of the good ones notices."""

import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
import pytest
from prometheus_client import REGISTRY

from producers.accept import Acceptance
from producers.bus.door import BusDoor
from shared import bus, ids
from shared.bus import Bus, Names
from shared.bus.names import NAMES
from shared.cell import Cell
from shared.errors import Unavailable
from tests.integration.bus.places import amqp_channel
from tests.support.cells import make_tenant
from tests.support.walking import event
from tests.support.workers import PATIENCE, eventually

TURN = {"conversation": "c-1", "message": "hello"}

#: Refused messages kept in these tests: fewer than there are.
KEPT = 500

AMQP = "amqp://guest:guest@127.0.0.1:5672//"


@dataclass(frozen=True)
class OwnNames(Names):
    """Queues of one test's own on a broker that others use too; answers go where the contract says."""

    def reply(self, address: str) -> str:
        return NAMES.reply(address)


@dataclass(frozen=True)
class Place:
    """A bus, and a tenant that sends on it."""

    url: str
    names: Names
    tenant: str

    @property
    def replies(self) -> str:
        return f"headgate.replies.{self.tenant}.inbox"

    def bus(self) -> Bus:
        return bus.connect(self.url, refused_kept=KEPT, names=self.names)


@pytest.fixture
def rabbitmq() -> Iterator[Place]:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5672)):
            pytest.skip("no RabbitMQ on 127.0.0.1:5672")
    unique = f"test-{ids.new().hex}"
    place = Place(AMQP, OwnNames(unique), unique)
    yield place
    with amqp_channel() as channel:
        for queue in (place.names.jobs, place.names.refused, place.replies):
            channel.queue_delete(queue)


def bad_ones(place: Place, key: str, many: int) -> list[bytes]:
    """Messages that are wrong in every way, most of them with a good key in them."""
    right = orjson.loads(event("agent.turn", TURN, key, replyto=place.replies))
    kinds = [
        b"\x00\xff garbage " + key.encode(),
        b'{"authorization":"' + key.encode()[:30],
        b"[" * 3000,
        orjson.dumps(right | {"type": "headgate.job.unknown"}),
        orjson.dumps(right | {"specversion": "0.3"}),
        orjson.dumps(right | {"tenantid": "somebody-else"}),
        orjson.dumps(right | {"authorization": "hg_" + "x" * 43}),
        orjson.dumps(right | {"authorization": None}),
        orjson.dumps(right | {"replyto": "turns.pro"}),
        orjson.dumps(right | {"replyto": "headgate.jobs"}),
        orjson.dumps(right | {"data": {"message": key}}),
        orjson.dumps(right | {"data": {"conversation": "c-1", "message": "\x00"}}),
        orjson.dumps(right | {"runat": "9999-12-31T23:59:59-14:00"}),
    ]
    return [kinds[number % len(kinds)] for number in range(many)]


@contextmanager
def serving(cell: Cell, place: Place) -> Iterator[None]:
    """A bus door at work in a thread; it must be alive at the end."""
    stopping = threading.Event()
    door = BusDoor(place.bus(), Acceptance(cell, "bus"))
    thread = threading.Thread(target=door.serve, args=(stopping,))
    thread.start()
    try:
        yield
        assert thread.is_alive()
    finally:
        stopping.set()
        thread.join()


def refusals() -> float:
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name == "headgate_messages_refused_total")


def flooded(cell: Cell, place: Place, *, bad: int, good: int) -> None:
    key = make_tenant(cell, place.tenant).secret
    wanted = [f"{number:04}" for number in range(good)]
    right = [event("agent.turn", TURN, key, id=name, replyto=place.replies) for name in wanted]
    mixed = mingled(bad_ones(place, key, bad), right)
    sender = place.bus()
    with serving(cell, place):
        none = refusals()
        eventually(lambda: takes(sender), "the bus takes messages")
        eventually(lambda: refusals() > none and sender.depth() == 0, "what it took first is out of the way")
        before, begun = refusals(), time.monotonic()
        for start in range(0, len(mixed), 1000):
            sender.send(mixed[start : start + 1000])
        eventually(lambda: refusals() - before >= bad, "all bad messages are refused", patience=3 * PATIENCE)
        eventually(lambda: len(accepted(cell, place.tenant)) >= good, "all good messages are accepted")
        eventually(lambda: sender.depth() == 0, "all are acknowledged")
    print(f"{len(mixed)} messages in {time.monotonic() - begun:.1f} s")
    assert accepted(cell, place.tenant) == wanted
    assert refusals() - before == bad
    looked_over(sender, key)
    told(sender, place.replies, wanted)
    sender.close()


def takes(sender: Bus) -> bool:
    """A queue just made may take nothing yet, where the broker is busy."""
    try:
        sender.send([b"{"])
    except Unavailable:
        return False
    return True


def mingled(bad: list[bytes], good: Sequence[bytes]) -> list[bytes]:
    """The good ones, in their order, at random places among the bad."""
    chance = random.Random(2)
    places = sorted(chance.sample(range(len(bad)), len(good)), reverse=True)
    for place, message in zip(places, reversed(good), strict=True):
        bad.insert(place, message)
    return bad


def accepted(cell: Cell, tenant: str) -> list[str]:
    with cell.database.transaction(tenant) as connection:
        rows = connection.execute("SELECT event_id FROM tenant.jobs ORDER BY seq").fetchall()
    return [row["event_id"] for row in rows]


def looked_over(sender: Bus, key: str) -> None:
    """What is kept is bounded, has its reasons, and holds no key nor part of one."""
    kept = sender.refused(KEPT * 10)
    assert len(kept) == KEPT
    assert {orjson.loads(record)["reason"] for record in kept} >= {"malformed", "unknown_type", "bad_replyto"}
    for record in kept:
        assert key[:9].encode() not in record
        assert key[9:20].encode() not in record


def told(sender: Bus, replies: str, wanted: Sequence[str]) -> None:
    """The sender hears of every good message in order, and of those bad ones that named his own queue."""
    heard = []
    while deliveries := sender.replies(replies, 1000, 1.0):
        heard += [orjson.loads(delivery.body) for delivery in deliveries]
        sender.acknowledge_replies(replies, deliveries)
    subjects = [answer["subject"] for answer in heard if answer["type"] == "headgate.job.accepted"]
    assert subjects == list(wanted)
    reasons = {answer["data"]["reason"] for answer in heard if answer["type"] == "headgate.job.refused"}
    assert reasons == {"unknown_type", "unsupported_version", "forbidden", "invalid_payload", "malformed"}


def test_ten_thousand_bad_messages_among_good_ones_on_the_stream(cell: Cell) -> None:
    flooded(cell, Place(cell.bus_url, NAMES, "acme"), bad=10_000, good=200)


@pytest.mark.rabbitmq
def test_a_thousand_bad_messages_among_good_ones_on_rabbitmq(cell: Cell, rabbitmq: Place) -> None:
    flooded(cell, rabbitmq, bad=1000, good=50)

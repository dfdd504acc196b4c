"""The bus on RabbitMQ (3.10 to 4.x): `headgate.jobs` is a quorum queue with a single active consumer.

Reading and writing have a connection each: a broker short of memory stops reading from those that publish, and
acknowledgements would be stopped with them. Neither connection may be used by two threads. Only the reader's has a
heartbeat, which is sent while it receives: one that has not received for a minute has to connect again.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from kombu.transport.pyamqp import Channel

from shared import ids
from shared.bus import queues
from shared.bus.contract import Delivery
from shared.bus.failure import unavailable
from shared.bus.inbox import Inbox
from shared.bus.link import FAILURES, Link, raw
from shared.bus.names import NAMES, Names
from shared.bus.publisher import Publisher
from shared.bus.queues import Queue, QueueDiffers

#: Seconds between heartbeats; when a reader's whole machine is gone, the broker passes the jobs on after two to three.
_HEARTBEAT = 30.0


class AmqpBus:
    def __init__(
        self, url: str, *, consumer: str = "headgate", refused_kept: int = 10_000, names: Names = NAMES
    ) -> None:
        self._url = url
        self._consumer = f"{consumer}:{ids.token(8)}"
        self._names = names
        self._jobs = queues.jobs(names.jobs)
        self._refused = queues.refused(names.refused, refused_kept)
        self._writing = Link(url)
        self._reading = Link(url, heartbeat=_HEARTBEAT)
        self._publisher = Publisher(self._writing)
        self._inboxes: dict[str, Inbox] = {}

    def send(self, events: Sequence[bytes]) -> None:
        self._publish(self._jobs, events)

    def receive(self, limit: int, wait: float) -> list[Delivery]:
        return self._receive(self._jobs, limit, wait)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self._acknowledge(self._jobs.name, deliveries)

    def give_back(self) -> None:
        if inbox := self._inboxes.get(self._jobs.name):
            inbox.give_back()

    def reply(self, address: str, events: Sequence[bytes]) -> None:
        self._publish(queues.replies(self._names.reply(address)), events)

    def replies(self, address: str, limit: int, wait: float) -> list[Delivery]:
        return self._receive(queues.replies(self._names.reply(address)), limit, wait)

    def acknowledge_replies(self, address: str, deliveries: Sequence[Delivery]) -> None:
        self._acknowledge(self._names.reply(address), deliveries)

    def keep_refused(self, entries: Sequence[bytes]) -> None:
        with self._over(self._writing):
            self._declare_refused()
            self._publisher.publish(self._refused.name, entries)

    def refused(self, limit: int) -> list[bytes]:
        """The broker shows a queue from its oldest end only: this walks through all of it, and lets all of it be."""
        with self._over(self._writing):
            self._declare_refused()
            with closing(self._writing.channel()) as channel:
                return _peek(channel, self._refused.name, limit)

    def depth(self) -> int:
        """Without those that another process is holding: the broker does not tell."""
        inbox = self._inboxes.get(self._jobs.name)
        with self._over(self._writing):
            return self._jobs.declare(self._publisher.channel()) + (inbox.held() if inbox else 0)

    def close(self) -> None:
        for link in (self._reading, self._writing):
            link.close()
            self._lose(link)

    def _publish(self, queue: Queue, events: Sequence[bytes]) -> None:
        with self._over(self._writing):
            queue.declare(self._publisher.channel())
            self._publisher.publish(queue.name, events)

    def _declare_refused(self) -> None:
        """With another length it stays as it is: keeping refused messages must not stop anything."""
        with closing(self._writing.channel()) as channel, suppress(QueueDiffers):
            self._refused.declare(channel)

    def _receive(self, queue: Queue, limit: int, wait: float) -> list[Delivery]:
        with self._over(self._reading):
            if queue.name not in self._inboxes:
                self._inboxes[queue.name] = Inbox(self._reading, queue, limit=limit, consumer=self._consumer)
            return self._inboxes[queue.name].receive(limit, wait)

    def _acknowledge(self, queue: str, deliveries: Sequence[Delivery]) -> None:
        """What came over a connection that was lost since will come again; there is nobody to tell."""
        if inbox := self._inboxes.get(queue):
            with self._over(self._reading):
                inbox.acknowledge(deliveries)

    @contextmanager
    def _over(self, link: Link) -> Iterator[None]:
        try:
            yield
        except QueueDiffers:
            self._lose(link)
            raise
        except FAILURES as broken:
            self._lose(link)
            raise unavailable(self._url, broken) from broken

    def _lose(self, link: Link) -> None:
        link.drop()
        if link is self._reading:
            self._inboxes.clear()
        else:
            self._publisher.reset()


def _peek(channel: Channel, queue: str, limit: int) -> list[bytes]:
    newest: deque[bytes] = deque(maxlen=limit)
    while message := channel.basic_get(queue):
        newest.appendleft(raw(message))
    channel.basic_recover(requeue=True)  # answered when all of it is back, which closing is not
    return list(newest)

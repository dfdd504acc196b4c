"""One reader's side of a RabbitMQ queue: what has come, what was handed out, what is acknowledged.

Giving back stays inside the reader. Returned to the broker, a message could be overtaken, and each return would count
against the delivery limit of a quorum queue.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from amqp import Message

from shared.bus.contract import Delivery
from shared.bus.link import Link, raw
from shared.bus.queues import Queue
from shared.clock import monotonic

#: Batches on their way to the reader: one is worked on, the next travels. More would be hoarding.
_BATCHES_AHEAD = 2

#: Seconds that a batch waits for messages right behind each other; below what a sender could notice.
_LINGER = 0.005

#: Seconds of one wait: several per heartbeat interval, since waiting is when heartbeats are sent.
_PATIENCE = 5.0


class Inbox:
    """Unacknowledged, it gets no more than two batches of the size first asked for."""

    def __init__(self, link: Link, queue: Queue, *, limit: int, consumer: str) -> None:
        self._link = link
        self._channel = link.channel()
        self._opened = link.opened
        self._waiting: deque[Delivery] = deque()
        self._unfinished: dict[str, Delivery] = {}
        queue.declare(self._channel)
        # Per consumer: the global kind is gone from RabbitMQ 4.
        self._channel.basic_qos(prefetch_size=0, prefetch_count=limit * _BATCHES_AHEAD, a_global=False)
        self._channel.basic_consume(queue.name, consumer_tag=consumer, callback=self._arrived)

    def receive(self, limit: int, wait: float) -> list[Delivery]:
        self._await(limit, wait)
        batch = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._unfinished.update((delivery.tag, delivery) for delivery in batch)
        return batch

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """What came over an earlier connection is not known any more and will come again: nothing to do."""
        for delivery in deliveries:
            if self._unfinished.pop(delivery.tag, None):
                self._channel.basic_ack(int(delivery.tag.partition(":")[2]))

    def give_back(self) -> None:
        again = [replace(delivery, redelivered=True) for delivery in self._unfinished.values()]
        self._waiting.extendleft(reversed(again))
        self._unfinished.clear()

    def held(self) -> int:
        """How many messages the broker has given out to this reader."""
        return len(self._waiting) + len(self._unfinished)

    def _await(self, limit: int, wait: float) -> None:
        """Until there is something, for up to `wait` seconds; then only for what follows at once."""
        until = monotonic() + wait
        while not self._waiting and (left := until - monotonic()) > 0:
            self._link.drain(min(left, _PATIENCE))
        until = monotonic() + _LINGER
        while len(self._waiting) < limit and (left := until - monotonic()) > 0:
            self._link.drain(left)

    def _arrived(self, message: Message) -> None:
        tag = f"{self._opened}:{message.delivery_tag}"
        redelivered = bool(message.delivery_info["redelivered"])
        self._waiting.append(Delivery(raw(message), tag, redelivered))

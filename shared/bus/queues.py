"""The queues on RabbitMQ, and how each is declared: valid on 3.10 and on 4.x, and the same from every side.

A queue that exists with other arguments cannot be declared; whoever sends without Headgate's client had better not
declare `headgate.jobs` at all, or declare it exactly so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from amqp.exceptions import PreconditionFailed
from kombu.transport.pyamqp import Channel

from shared.bus.names import REPLIES_AGE, REPLIES_KEPT
from shared.errors import ConfigurationError

#: Deliveries after which a quorum queue drops a message. RabbitMQ 4 says 20 unless told: a door that cannot commit for
#: a while would lose jobs by that. 3.10 takes no "never", so: more than will ever happen.
_DELIVERY_LIMIT = 1_000_000_000

Arguments = Mapping[str, str | int | bool]


class QueueDiffers(ConfigurationError):  # noqa: N818 - it names a state of the broker
    """The queue is there, but somebody declared it otherwise; trying again does not help."""


@dataclass(frozen=True)
class Queue:
    name: str
    arguments: Arguments = field(default_factory=dict)

    def declare(self, channel: Channel) -> int:
        """See that it is there; answers how many messages in it nobody holds. A failure closes the channel."""
        try:
            there = channel.queue_declare(self.name, durable=True, auto_delete=False, arguments=dict(self.arguments))
        except PreconditionFailed as other:
            raise QueueDiffers(
                f"RabbitMQ has a queue {self.name} with other arguments than {dict(self.arguments)}: "
                "empty and delete it, Headgate makes it anew."
            ) from other
        _, waiting, _ = there or (self.name, 0, 0)  # the stubs allow for `nowait`, which answers nothing
        return waiting


def jobs(name: str) -> Queue:
    """Replicated, and one active consumer: order on a key is the order of acceptance."""
    arguments: Arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": _DELIVERY_LIMIT,
    }
    return Queue(name, arguments)


def replies(name: str) -> Queue:
    """Classic: one short-lived queue per asker would be too many Raft groups, and the outbox knows every answer."""
    arguments: Arguments = {
        "x-expires": REPLIES_AGE * 1000,
        "x-message-ttl": REPLIES_AGE * 1000,
        "x-max-length": REPLIES_KEPT,
    }
    return Queue(name, arguments)


def refused(name: str, kept: int) -> Queue:
    return Queue(name, {"x-max-length": kept, "x-overflow": "drop-head"})

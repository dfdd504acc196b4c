"""What every transport of the bus promises; `tests/integration/bus` holds each of them to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Delivery:
    """One event as it came: exactly the sender's bytes, garbage included."""

    body: bytes
    #: What `acknowledge` needs; meaningless to any other bus.
    tag: str
    #: It was handed out before and not acknowledged.
    redelivered: bool


class Bus(Protocol):
    """One service's end of the bus. Not for sharing between threads: one bus each.

    Everything is at least once. A call that loses the connection raises `Unavailable`; the next call connects again,
    and what was received but not acknowledged before is then received again.
    """

    def send(self, events: Sequence[bytes]) -> None:
        """Put jobs on the bus, in order; returns once the broker has them all.

        After `Unavailable` some may be on the bus and some not: send all of them again.
        """

    def receive(self, limit: int, wait: float) -> list[Delivery]:
        """The next jobs, at most `limit`: waits up to `wait` seconds for the first, then takes what is there.

        Unfinished ones come first. While another consumer is the active one, nothing comes.
        """

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """These are taken care of; they never come again."""

    def give_back(self) -> None:
        """Whatever was received and not acknowledged will be received again, in order."""

    def reply(self, address: str, events: Sequence[bytes]) -> None:
        """Put answers where the asker reads them; the oldest fall off when nobody does. Raises `AddressRefused`."""

    def replies(self, address: str, limit: int, wait: float) -> list[Delivery]:
        """As `receive`, for one's own answers. One reader per address. Raises `AddressRefused`."""

    def acknowledge_replies(self, address: str, deliveries: Sequence[Delivery]) -> None:
        """These answers are handled; they never come again."""

    def keep_refused(self, entries: Sequence[bytes]) -> None:
        """Keep for inspection; the oldest fall off."""

    def refused(self, limit: int) -> list[bytes]:
        """The newest kept, newest first; they stay kept."""

    def depth(self) -> int:
        """How many jobs wait on the bus."""

    def close(self) -> None:
        """Let another consumer take over now; what is unfinished is its to receive."""

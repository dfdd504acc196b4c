"""The answers of one client: what has come, who asked for it, what may be forgotten.

An answer is acknowledged when its caller comes back for more, so one that was in hand when the process died comes
again. It may also come twice for other reasons; it is handed out once, and known by its id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import Annotated

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from shared.bus import Bus, Delivery
from shared.bus.names import REPLIES_KEPT
from shared.contracts.answers import Answer
from shared.errors import Unavailable

#: Most answers held that nobody has asked for; then the oldest fall off, as they do on the bus. RabbitMQ gives out
#: two batches unacknowledged, so a batch as large as what is held never leaves a reader waiting for itself.
HELD = REPLIES_KEPT // 2

#: Seconds between two attempts while the bus is away.
AWAY = 0.25

ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="type")])

Wanted = Callable[[Answer], bool]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Held:
    answer: Answer
    delivery: Delivery


def nothing(_: Answer) -> bool:
    return False


class Mailbox:
    """`away` is why the bus could not be read the last time, or None."""

    def __init__(self, bus: Bus, address: str) -> None:
        self._bus, self._address = bus, address
        self._held: dict[str, Held] = {}
        self._handed_out: dict[str, None] = {}
        self._finished_with: list[Delivery] = []
        self.away: Unavailable | None = None

    def read(self, wait: float, wanted: Wanted = nothing) -> list[Answer]:
        """Let in what comes within `wait` seconds; hand out what is wanted, new or not, and hold the rest."""
        self.acknowledge()
        answers = [answer for delivery in self._receive(wait) if (answer := self._sorted(delivery, wanted))]
        while len(self._held) > HELD:
            self._drop_oldest()
        return answers

    def take(self, wanted: Wanted) -> Answer | None:
        """The oldest held answer that is wanted."""
        self.acknowledge()
        for held in self._held.values():
            if wanted(held.answer):
                return self._hand_out(held.answer, held.delivery)
        return None

    def acknowledge(self) -> None:
        """Whatever was handed out is done with. If the bus does not hear it, it comes again and is known."""
        done, self._finished_with = self._finished_with, []
        try:
            self._bus.acknowledge_replies(self._address, done)
        except Unavailable as error:
            self.away = error

    def _receive(self, wait: float) -> list[Delivery]:
        try:
            deliveries = self._bus.replies(self._address, HELD, wait)
        except Unavailable as error:
            self.away = error
            sleep(min(wait, AWAY))
            return []
        self.away = None
        return deliveries

    def _sorted(self, delivery: Delivery, wanted: Wanted) -> Answer | None:
        """The answer, if it is wanted now."""
        try:
            answer = ANSWER.validate_json(delivery.body)
        except ValidationError:
            log.warning("not an answer; dropped", address=self._address, bytes=len(delivery.body))
            self._finished_with.append(delivery)
            return None
        if wanted(answer):
            return self._hand_out(answer, delivery)
        if answer.id in self._handed_out:
            self._finished_with.append(delivery)
        else:
            self._hold(answer, delivery)
        return None

    def _hold(self, answer: Answer, delivery: Delivery) -> None:
        """After a lost connection what is held comes again, under a tag that the new connection knows."""
        if (held := self._held.get(answer.id)) and held.delivery.tag != delivery.tag:
            self._finished_with.append(held.delivery)
        self._held[answer.id] = Held(answer, delivery)

    def _hand_out(self, answer: Answer, delivery: Delivery) -> Answer:
        if held := self._held.pop(answer.id, None):
            self._finished_with.append(held.delivery)
        self._finished_with.append(delivery)
        self._handed_out[answer.id] = None
        if len(self._handed_out) > REPLIES_KEPT:
            del self._handed_out[next(iter(self._handed_out))]
        return answer

    def _drop_oldest(self) -> None:
        oldest = self._held.pop(next(iter(self._held)))
        log.warning("too many answers that nobody asked for; dropped the oldest", answer=oldest.answer.id)
        self._finished_with.append(oldest.delivery)

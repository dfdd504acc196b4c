"""The jobs of a row: a sender who sends a message again until it is answered, as the client library does."""

import random
import threading
from collections.abc import Mapping, Sequence

import psycopg
from redis.exceptions import RedisError

from shared import bus
from shared.cell import Cell
from shared.contracts.answers import Accepted
from shared.errors import Unavailable
from tests.faults.hooks import POISON
from tests.support.walking import accept, event

#: The tenants of a row, all of one tier.
TENANTS = ("acme", "globex", "initech", "umbrella")

#: Messages that arrive together.
BATCH = 10

#: Seconds between two tries to send while a server is away.
AWAY = 0.5

#: What a door cannot answer for: nothing is known, so the same messages are sent again.
TROUBLE = (Unavailable, psycopg.Error, RedisError)


class Traffic(threading.Thread):
    """`rate` jobs a second until all of them have been taken: by a door in this process, or by the bus."""

    def __init__(
        self, cell: Cell, keys: Mapping[str, str], jobs: int, *, rate: float, by_bus: bool, poisoned: int
    ) -> None:
        super().__init__(name="traffic", daemon=True)
        self._cell, self._pause = cell, BATCH / rate
        self._send = self._put_on_the_bus if by_bus else self._bring
        self._messages = [_turn(keys, number, poisoned=number < poisoned) for number in range(jobs)]
        self._chance = random.Random(jobs)
        self._chance.shuffle(self._messages)
        self._ended = threading.Event()

    def run(self) -> None:
        for first in range(0, len(self._messages), BATCH):
            while not self._sent(self._messages[first : first + BATCH]):
                self._ended.wait(AWAY)
            self._ended.wait(self._pause)

    def end(self) -> None:
        self._messages.clear()
        self._ended.set()
        self.join()

    def again(self) -> None:
        """Some messages that are on their way or long done, once more and in another order."""
        self._put_on_the_bus(self._chance.sample(self._messages, 3 * BATCH))

    def _sent(self, messages: Sequence[bytes]) -> bool:
        try:
            return self._ended.is_set() or self._send(messages)
        except TROUBLE:
            return False

    def _bring(self, messages: Sequence[bytes]) -> bool:
        return all(isinstance(verdict.answer, Accepted) for verdict in accept(self._cell, *messages))

    def _put_on_the_bus(self, messages: Sequence[bytes]) -> bool:
        """Each of them twice, the second time in another order."""
        ours = bus.connect(self._cell.bus_url)
        try:
            ours.send(messages)
            ours.send(self._chance.sample(messages, len(messages)))
        finally:
            ours.close()
        return True


def _turn(keys: Mapping[str, str], number: int, *, poisoned: bool) -> bytes:
    """A turn in a conversation of its own, whose name says whose it is."""
    tenant = TENANTS[number % len(TENANTS)]
    about = POISON if poisoned else "a lock"
    data = {"conversation": f"{tenant}-{number}", "message": f"What is {about}?"}
    reply_to = f"headgate.replies.{tenant}.faults"
    return event("agent.turn", data, keys[tenant], source="/faults", id=str(number), replyto=reply_to)

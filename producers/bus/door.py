"""The consumer of the bus: batch by batch, acknowledged after the commit.

It survives anything a sender can put on the bus. Where the ledger is away it gives the batch back, says nothing to
anybody, and comes again; the messages wait on the bus meanwhile, in order.
"""

import threading
from collections.abc import Sequence

import psycopg
import structlog
from redis.exceptions import RedisError

from producers.accept import Acceptance, Verdict
from shared.bus import Bus
from shared.errors import HeadgateError, Unavailable
from shared.telemetry import metrics

#: Messages in one transaction: a few hundred make the round trips small beside the inserts.
BATCH = 200

#: Seconds to wait for the first message of a batch; bounds how long a stop takes.
WAIT = 0.5

#: Seconds between two attempts while a server is away.
AWAY = 1.0

#: A server that is away, or there and refusing: read-only after a failover, not yet migrated, short of something.
TROUBLE = (Unavailable, psycopg.Error, RedisError)

log = structlog.get_logger(__name__)


class BusDoor:
    def __init__(self, bus: Bus, acceptance: Acceptance) -> None:
        self._bus, self._acceptance = bus, acceptance

    def serve(self, stopping: threading.Event) -> None:
        """Until told to stop."""
        while not stopping.is_set():
            try:
                self.take()
            except TROUBLE as error:
                log.warning("a server is in trouble; the messages wait on the bus", error=str(error))
                stopping.wait(AWAY)
                self._give_back()
        self._bus.close()

    def take(self) -> int:
        """One batch; answers how many messages it had. `Unavailable`: none of it is acknowledged."""
        deliveries = self._bus.receive(BATCH, WAIT)
        if not deliveries:
            return 0
        verdicts = self._verdicts([delivery.body for delivery in deliveries])
        self._bus.keep_refused([verdict.kept for verdict in verdicts if verdict.kept is not None])
        self._answer(verdicts)
        self._bus.acknowledge(deliveries)
        return len(deliveries)

    def _verdicts(self, bodies: Sequence[bytes]) -> list[Verdict]:
        """Of all at once; where they bring up what nobody thought of, one by one, and the bad one is refused."""
        try:
            return self._acceptance.accept(bodies)
        except TROUBLE:
            raise
        except Exception as error:  # the boundary to strangers: no message may end the door
            metrics.UPKEEP_ERRORS.labels(loop="bus").inc()
            log.warning("a message cannot be dealt with", messages=len(bodies), error=str(error), exc_info=True)
            if len(bodies) == 1:
                return [self._acceptance.unprocessable(bodies[0])]
            return [verdict for body in bodies for verdict in self._verdicts([body])]

    def _answer(self, verdicts: Sequence[Verdict]) -> None:
        """Tell the senders, before the acknowledgement: better told twice than never."""
        by_queue: dict[str, list[bytes]] = {}
        for verdict in verdicts:
            if verdict.reply_to is not None:
                by_queue.setdefault(verdict.reply_to, []).append(verdict.answer.model_dump_json().encode())
        for address, answers in by_queue.items():
            self._tell(address, answers)

    def _tell(self, address: str, answers: list[bytes]) -> None:
        try:
            self._bus.reply(address, answers)
        except Unavailable:
            raise
        except HeadgateError as error:
            log.warning("answers not sent", address=address, answers=len(answers), error=str(error))

    def _give_back(self) -> None:
        try:
            self._bus.give_back()
        except Unavailable as error:
            log.warning("the bus is away", error=str(error))

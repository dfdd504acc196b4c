"""Sends what waits in the outbox. What was sent and not marked is sent again, under the same id."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

import orjson
import structlog

from shared import outbox
from shared.bus import Bus
from shared.cell import Cell
from shared.errors import HeadgateError, Unavailable
from shared.outbox import Message
from shared.stores.postgres import Connection
from shared.streams.ends import entry
from shared.streams.keys import is_stream
from shared.streams.writer import AFTERLIFE
from shared.texts import storable

#: Messages per round; a full round is followed by another at once.
BATCH = 200

#: Seconds after which the relay looks by itself, rung for or not.
PAUSE = 1.0

log = structlog.get_logger(__name__)


class Relay:
    def __init__(self, cell: Cell, bus: Bus) -> None:
        self._cell, self._bus = cell, bus

    def relay(self) -> float:
        """One round; answers the seconds until the next (none: it waits for its bell itself)."""
        due = outbox.due(self._cell.dispatcher, BATCH)
        for tenant, messages in due.items():
            self._send_of(tenant, messages)
        if sum(map(len, due.values())) < BATCH:
            self._cell.wakeups.wait(outbox.BELL, PAUSE)
        return 0.0

    def _send_of(self, tenant: str, due: Sequence[UUID]) -> None:
        """Those of one tenant; what breaks there is tried again later, and holds up nobody behind it."""
        try:
            with self._cell.database.transaction(tenant) as connection:
                self._send(connection, tenant, due)
        except Unavailable:  # the ledger's, for a bus that is away is a failure of its messages
            raise
        except Exception as error:  # the boundary to what was written by other versions, and to each bus's own errors
            log.warning("messages could not be sent", tenant=tenant, error=str(error), exc_info=True)
            with self._cell.database.transaction(tenant) as connection:
                outbox.failed(connection, tenant, due, storable(f"{type(error).__name__}: {error}"))

    def _send(self, connection: Connection, tenant: str, due: Sequence[UUID]) -> None:
        taken = sorted(outbox.take(connection, tenant, due), key=lambda message: message.destination)
        for destination, group in groupby(taken, key=lambda message: message.destination):
            messages = list(group)
            self._send_to(connection, tenant, destination, messages)

    def _send_to(self, connection: Connection, tenant: str, destination: str, messages: Sequence[Message]) -> None:
        identities = [message.message_id for message in messages]
        if is_stream(destination):  # which is told once, and as well as may be: a stream is a convenience
            ends = [entry(message.body) for message in messages]
            self._cell.streams.append(destination, ends, lifetime=AFTERLIFE)
            outbox.sent(connection, tenant, identities)
            return
        try:
            self._bus.reply(destination, [orjson.dumps(message.body) for message in messages])
        except HeadgateError as error:
            outbox.failed(connection, tenant, identities, str(error))
        else:
            outbox.sent(connection, tenant, identities)

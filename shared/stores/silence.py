"""Connections to Postgres that do not wait for ever, where the other side is gone and nobody says so.

The kernels' own probes find a machine that is gone. They do not find a pooler or a load balancer between, which still
takes what is sent and passes nothing on. So this side gives a connection up that answers a statement longer than any
statement may take, and the server ends a transaction in which it hears nothing, whose locks others wait for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from shared.stores.together import Together

RV = TypeVar("RV")

#: Seconds without the end of a statement after which a connection is given up: beyond the longest that one may run.
SILENCE = 40.0

#: For how long a transaction may stand still between two statements, as the server counts.
IDLE_IN_TRANSACTION = "30s"

#: How long a statement, and the stillness between two, may last in a transaction that reads the whole ledger.
PATIENCE = 600.0

#: The server's own probes of a connection: three, of five seconds each, as ours.
SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


class Answering(psycopg.Connection[Any]):
    """Gives itself up when a statement has no end in time."""

    silence = SILENCE

    @contextmanager
    def pipeline(self) -> Iterator[Together]:
        """Its statements leave together."""
        made = self._pipeline
        if not isinstance(made, Together):
            self._pipeline = made = Together(self)
        with super().pipeline():
            yield made

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Everything that psycopg waits for on a connection it waits for here."""
        try:
            return super().wait(gen, interval, self.silence if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - its own name for it, and it has no other
            if timeout is not None:
                raise
            self.close()
            raise psycopg.OperationalError(f"no answer within {self.silence:g} s") from error


def options() -> str:
    """What the server is told of a connection's own patience."""
    settings = {"idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION, **SERVER_KEEPALIVES}
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def be_patient(connection: psycopg.Connection[Any]) -> None:
    """For the rest of this transaction both sides wait for minutes; the pool takes that back."""
    connection.execute(
        "SELECT set_config('statement_timeout', %(ms)s, true), "
        "set_config('idle_in_transaction_session_timeout', %(ms)s, true)",
        {"ms": str(round(PATIENCE * 1000))},
    )
    if isinstance(connection, Answering):
        connection.silence = PATIENCE + SILENCE

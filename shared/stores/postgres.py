"""Connections to Postgres: an engine for each role, and transactions that belong to a tenant.

SQLAlchemy owns the pools and the map of the tables; statements are SQL, sent by psycopg, whose connection a transaction
hands out. A transaction is bound to its tenant by `set_config(…, true)` right after its begin, so the binding ends with
it, whatever pooler stands between.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import DictRow, dict_row, tuple_row
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import OperationalError as FirstConnectFailed
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.pool import ConnectionPoolEntry

from shared.errors import ConfigurationError, Unavailable
from shared.stores import silence
from shared.stores.silence import Answering
from shared.stores.together import command

#: SQLAlchemy's name of the driver.
DRIVER = "postgresql+psycopg"

#: Longest time one statement may run, and may wait for a lock; no statement of a job comes near.
STATEMENT_TIMEOUT, LOCK_TIMEOUT = "30s", "10s"

#: Seconds after which a server that does not answer counts as away.
CONNECT_TIMEOUT = 10

#: The same, for a connection that went half-open: three probes of five seconds.
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}

#: Operational errors that a statement's own values cause: trying again would fail again.
TOO_MUCH = (psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex, psycopg.errors.TooManyColumns)

Connection = psycopg.Connection[DictRow]

#: Asked of the login, not of the role it acts as: what it may become (`SET ROLE`) it is.
ROLE = """
SELECT session_user AS name,
       EXISTS (SELECT FROM pg_roles
               WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER')) AS unsafe,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname IN ('control', 'tenant') AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS owner
"""


class Database:
    """One role's way into one database."""

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self._url, self._pool = url, pool
        self._lost = 0  # connections found broken: what the pool made before the last of them is not trusted either

    @cached_property
    def engine(self) -> Engine:
        made = create_engine(
            make_url(self._url).set(drivername=DRIVER),
            pool_size=self._pool,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT,
            pool_reset_on_return=None,
            connect_args={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT,
                "prepare_threshold": 2,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT} -c lock_timeout={LOCK_TIMEOUT} "
                + silence.options(),
                **KEEPALIVES,
            },
        )
        event.listen(made, "do_connect", _answering)
        event.listen(made, "connect", self._mark)
        event.listen(made, "checkout", self._trust)
        return made

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection outside any transaction: each statement commits by itself."""
        try:
            pooled = self.engine.raw_connection()
        except (psycopg.OperationalError, FirstConnectFailed, PoolExhausted) as error:
            said = " ".join(str(error).split())
            raise Unavailable(f"Postgres at {without_password(self._url)} does not answer: {said}") from error
        made: Any = pooled.driver_connection  # psycopg's own connection
        made.row_factory, made.silence = dict_row, silence.SILENCE
        driver: Connection = made
        try:
            yield driver
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if isinstance(error, TOO_MUCH):
                raise
            raise Unavailable(f"Postgres at {without_password(self._url)} went away: {error}") from error
        finally:
            made.row_factory = tuple_row  # the next to take it may be SQLAlchemy itself, which counts on tuples
            if driver.closed:
                self._lost += 1
            if driver.closed or driver.info.transaction_status != TransactionStatus.IDLE:
                pooled.invalidate()
            pooled.close()

    @contextmanager
    def transaction(self, tenant: str | None = None, *, pipelined: bool = False) -> Iterator[Connection]:
        """A transaction, bound to `tenant` where one is given.

        `pipelined`: statements are sent without waiting, so that all of it is one round trip, and one more for each
        time that something is fetched on the way. What was asked may also be fetched when the transaction is over;
        `rowcount` is known only then.
        """
        with self.connection() as connection, (_pipelined if pipelined else _waiting)(connection):
            bind(connection, tenant)
            yield connection

    def _mark(self, _: object, record: ConnectionPoolEntry) -> None:
        record.info["lost"] = self._lost

    def _trust(self, _: object, record: ConnectionPoolEntry, __: object) -> None:
        """A server that restarted has broken every pooled connection, not just the one that found it out."""
        if record.info["lost"] != self._lost:
            raise DisconnectionError

    def verify(self) -> None:
        """Refuse to work as a role that row-level security does not hold."""
        with self.connection() as connection:
            role = one(connection, ROLE)
        if role["unsafe"] or role["owner"]:
            raise ConfigurationError(
                f"the database URL logs in as {role['name']!r}, which row-level security does not hold: "
                "use headgate_app, made by `headgate db upgrade`"
            )

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()


def _answering(_: object, __: object, arguments: Sequence[Any], told: Mapping[str, Any]) -> Answering:
    """How the pool makes its connections."""
    return Answering.connect(*arguments, **told)


def _waiting(connection: Connection) -> AbstractContextManager[object]:
    return connection.transaction()


@contextmanager
def _pipelined(connection: Connection) -> Iterator[None]:
    """One round trip; psycopg's `transaction` waits for BEGIN, for the statements and for COMMIT, in a pipeline too."""
    try:
        with connection.pipeline() as pipeline:
            command(pipeline, b"BEGIN")
            try:
                yield
            except BaseException:
                if connection.info.pipeline_status != PipelineStatus.ABORTED:
                    command(pipeline, b"ROLLBACK")
                raise
            command(pipeline, b"COMMIT")
    finally:
        if not connection.closed and connection.info.transaction_status == TransactionStatus.INERROR:
            connection.rollback()


def bind(connection: Connection, tenant: str | None) -> None:
    """From here to the end of the transaction, or to the next binding, only this tenant's rows exist."""
    if tenant is not None:
        connection.execute("SELECT set_config('headgate.tenant_id', %s, true)", (tenant,))


def one(connection: Connection, statement: LiteralString, values: Any = None) -> DictRow:
    """The single row that this statement always answers."""
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise LookupError(f"no row where one always is: {statement.strip().splitlines()[0]}")
    return row


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{userinfo.partition(':')[0]}{at}{host}", query="", fragment=""))

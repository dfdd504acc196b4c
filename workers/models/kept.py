"""Connections that are kept for a next call: none on which more has come than was asked for.

An answer may be followed by bytes that no request asked for: by a provider's mistake, a proxy's, or its malice.
httpcore keeps what it has read of them, and would give them to the next call on the connection as its answer. That call
is another job's, and perhaps another tenant's. So a connection with such bytes counts as expired, and is closed.

It touches private names of httpcore, which the lock pins; the test of planted answers fails where they change.
"""

from typing import Any

from httpcore2 import ConnectionInterface, ConnectionPool, Origin


def keep_clean(pool: ConnectionPool) -> None:
    """From now on, connections of this pool are kept only while nothing is left on them."""
    create = pool.create_connection

    def created(origin: Origin) -> ConnectionInterface:
        made = create(origin)
        has_expired = made.has_expired
        setattr(made, "has_expired", lambda: has_expired() or _is_littered(made))  # noqa: B010 - mypy knows it as a method
        return made

    setattr(pool, "create_connection", created)  # noqa: B010 - as above


def _is_littered(connection: Any) -> bool:
    """Through the layers of proxies and TLS, down to what parses the answers."""
    while connection is not None and not hasattr(connection, "_h11_state"):
        connection = getattr(connection, "_connection", None)
    return connection is not None and bool(connection._h11_state.trailing_data[0])  # noqa: SLF001 - nobody else knows

"""Connections to the gate's Redis."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

#: Seconds without an answer after which the connection counts as half-open; far beyond any script's run.
SOCKET_TIMEOUT = 8.0

#: Seconds of idleness after which a connection is tried before it is used.
HEALTH_CHECK_INTERVAL = 5


def connect(url: str) -> Redis:
    """A pooled client. It repeats nothing by itself: whether a call may be repeated is its caller's to know."""
    return Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=SOCKET_TIMEOUT,
        health_check_interval=HEALTH_CHECK_INTERVAL,
        retry=Retry(NoBackoff(), 0),
    )

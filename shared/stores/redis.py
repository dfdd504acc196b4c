"""Connections to the gate's Redis."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

#: Seconds without an answer after which the connection counts as half-open; far beyond any script's run.
SOCKET_TIMEOUT = 8.0

#: Seconds of idleness after which a connection is tried before it is used.
HEALTH_CHECK_INTERVAL = 5

#: Connections of a process at most: each of its slots may be at the gate, or wait for a bell, at the same moment. A
#: connection is made when it is first wanted. redis-py's own bound, 100, made a worker of 500 slots take its gate for
#: away; this one is Redis's own, for all its clients.
MOST = 10_000


def connect(url: str) -> Redis:
    """A pooled client. It repeats nothing by itself: whether a call may be repeated is its caller's to know."""
    return Redis.from_url(
        url,
        max_connections=MOST,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=SOCKET_TIMEOUT,
        health_check_interval=HEALTH_CHECK_INTERVAL,
        retry=Retry(NoBackoff(), 0),
    )

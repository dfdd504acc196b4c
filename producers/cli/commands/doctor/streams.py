"""The Redis of turns' streams: answers, and has room for them."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from producers.cli.commands.doctor.finding import Finding, failed, ok, warning
from shared.cell import Cell
from shared.stores.postgres import without_password
from shared.streams.keys import checked
from shared.streams.writer import FULL

#: Seconds that the server may take to answer.
TIMEOUT = 5.0


def streams(cell: Cell) -> Iterator[Finding]:
    """Without it turns go on, and nobody hears them before they are over."""
    url = checked(cell.stream_url)
    server = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
    try:
        with closing(server):
            memory = server.info("memory")
    except RedisError as error:
        away = f"{without_password(url)} cannot be read ({error})"
        yield failed("streams", f"{away}: turns go on unheard; start it, or set HEADGATE_STREAM_URL")
        return
    used, most = memory["used_memory"], memory["maxmemory"]
    if most and used >= FULL * most:
        full = f"{used / most:.0%} full, and from {FULL:.0%} on nothing is streamed"
        yield warning("streams", f"{full}: raise maxmemory, or set HEADGATE_STREAM_URL")
    else:
        beside = ", beside the gate" if _server(url) == _server(cell.settings.redis_url or "") else ""
        yield ok("streams", f"{without_password(url)}{beside}")


def _server(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port

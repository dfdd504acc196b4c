"""From a URL to a bus."""

from urllib.parse import urlsplit

from shared.bus.amqp import AmqpBus
from shared.bus.contract import Bus
from shared.bus.names import NAMES, Names
from shared.bus.stream import StreamBus
from shared.errors import ConfigurationError

_TRANSPORTS: dict[str, type[StreamBus] | type[AmqpBus]] = {
    "redis": StreamBus,
    "rediss": StreamBus,
    "unix": StreamBus,
    "amqp": AmqpBus,
    "amqps": AmqpBus,
}


def connect(url: str, *, consumer: str | None = None, refused_kept: int = 10_000, names: Names = NAMES) -> Bus:
    """The bus at `url`; nothing is connected before the first call.

    `consumer` names this end in the broker's own tools. `refused_kept` is the most refused messages kept.
    """
    transport = _TRANSPORTS.get(urlsplit(url).scheme)
    if transport is None:
        raise ConfigurationError(f"the bus's URL must begin with one of {', '.join(_TRANSPORTS)} and `://`.")
    return transport(url, consumer=consumer or "headgate", refused_kept=refused_kept, names=names)

"""What a tenant declared, as it is asked: its URL, and the headers that only it is sent."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.agents.connections import Reached
from shared.errors import NotFound
from workers.network.addresses import NotAllowed
from workers.network.scrub import Scrub
from workers.network.urls import Url

#: What a tenant's credential of this name is; `NotFound` where the tenant has none of it.
Secret = Callable[[str], str]

#: What Headgate calls itself.
AGENT = "headgate"


@dataclass(frozen=True)
class Endpoint:
    """`headers` hold the tenant's credential, which `scrub` knows: they are for what lies below `url` alone."""

    url: Url
    headers: dict[str, str]
    scrub: Scrub

    def __repr__(self) -> str:
        return f"Endpoint({self.url})"


def opened(declared: Reached, secret: Secret) -> Endpoint:
    """As it is at this moment, for a credential may have been revoked since; raises `NotAllowed`."""
    headers = {name.lower(): value for name, value in declared.headers.items()} | {"user-agent": AGENT}
    url = url_of(declared)
    if declared.credential is None:
        return Endpoint(url, headers, Scrub(()))
    try:
        value = secret(declared.credential).strip()
    except NotFound as error:
        raise NotAllowed(f"its credential {declared.credential!r} is not there, or not any more") from error
    if not (value.isascii() and value.isprintable() and value):
        raise NotAllowed(
            f"its credential {declared.credential!r} cannot be sent: it is not one line of plain characters"
        )
    sent = f"{declared.scheme} {value}" if declared.scheme else value
    return Endpoint(url, headers | {declared.header.lower(): sent}, Scrub((value,)))


def url_of(declared: Reached) -> Url:
    url = Url.of(str(declared.url))
    if url.query is not None:
        raise NotAllowed("its URL has a query: declare it without one")
    return url

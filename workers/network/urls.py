"""URLs of what tenants declared, and what lies below them.

They are taken apart once and sent as they were taken apart, so that no two readers can see two different hosts in one.
What is ambiguous is refused: users in front of the host, backslashes, what does not stay below in some server's eyes.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, unquote, urlencode, urljoin

from workers.network.addresses import NotAllowed
from workers.network.hosts import is_host

#: A whole URL without a user; visible ASCII without a backslash. A fragment is never sent.
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]]*\]|[^/?#@:\[\]]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE,
)
VISIBLE = re.compile(r"[!-\[\]-~]*")

#: Longest URL in bytes that is asked for; servers in wide use take no longer ones.
LONGEST = 8_000

#: How often what is decoded is decoded again in search of dots and slashes.
DEPTH = 4

#: Besides letters, digits and `_.-~`, what stands for itself in a path (RFC 3986, without the semicolon).
STANDS = "!$&'()*+,=:@"

PORTS = {"http": 80, "https": 443}

#: Of one value of a query.
Plain = str | int | float | bool


@dataclass(frozen=True)
class Url:
    """`path` and `query` as they are sent."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises `NotAllowed` for what is no URL by HTTP, or not clearly one."""
        parts = URL.fullmatch(text) if VISIBLE.fullmatch(text) and len(text) <= LONGEST else None
        if parts is None:
            raise NotAllowed(f"{text[:200]!r} is no URL that can be asked: write http(s)://host/path, without a user")
        scheme, host = parts["scheme"].lower(), parts["host"].lower().strip("[]")
        port, path = int(parts["port"] or PORTS[scheme]), parts["path"] or "/"
        if not is_host(host) or not 0 < port < 1 << 16 or climbs(path):
            raise NotAllowed(f"{text[:200]!r} is not clear: write its host and path plainly, without dots that climb")
        return cls(scheme, host, port, path, parts["query"])

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """What stands in the request's Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """What stands in the request's first line."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def below(self, path: str, query: Mapping[str, Plain | Sequence[Plain]]) -> "Url":
        """What lies at this path, written plainly, below the present one. Raises `NotAllowed` where it does not."""
        if path and not is_plain(path):
            raise NotAllowed(
                f"the path {path[:200]!r} is not allowed: write it plainly, without `..`, `//`, `%`, `?` or a host; "
                "what it stands for is encoded here"
            )
        encoded = urlencode({name: _written(value) for name, value in query.items()}, doseq=True)
        if has_controls(unquote(encoded)):
            raise NotAllowed("the query holds line ends or other control characters: leave them out")
        joined = f"{self.path.rstrip('/')}/{quote(path.removeprefix('/'), safe=f'/{STANDS}')}" if path else self.path
        made = replace(self, path=joined, query=encoded or None)
        if len(made.target) > LONGEST:
            raise NotAllowed(f"path and query are longer than {LONGEST:,} bytes: send less, or send it as the body")
        return made

    def holds(self, other: "Url") -> bool:
        """Whether the other is at the same server, at this path or below it."""
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        base = self.path.rstrip("/")
        return other.path == base or other.path.startswith(f"{base}/")

    def onward(self, location: str) -> "Url":
        """Where an answer that came from here sends whoever asked."""
        try:
            return Url.of(urljoin(str(self), location))
        except (NotAllowed, ValueError):
            raise NotAllowed("the answer leads to a place that is not clear, or not reached by HTTP") from None


def _written(value: Plain | Sequence[Plain]) -> Sequence[Plain]:
    """Each value; truth as JSON writes it, for that is what an endpoint expects."""
    values = [value] if isinstance(value, Plain) else value
    return [str(each).lower() if isinstance(each, bool) else each for each in values]


def is_plain(path: str) -> bool:
    """Whether a path that is not encoded stays below where it begins, whoever reads it."""
    for read in {path, unicodedata.normalize("NFKC", path)}:
        if has_controls(read) or any(char in read for char in "\\%?#"):
            return False
        if "//" in read or climbs(read):
            return False
    return True


def climbs(path: str) -> bool:
    """Whether a path, encoded or not, holds dots that climb, or encoded slashes; however often it is decoded."""
    slashes = path.count("/")
    for _ in range(DEPTH):
        if "\\" in path or has_controls(path) or path.count("/") != slashes:
            return True
        if any(segment.partition(";")[0] in {".", ".."} for segment in path.split("/")):
            return True
        before, path = path, unquote(path, errors="replace")
        if path == before:
            return False
    return True


def has_controls(text: str) -> bool:
    return any(unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} for char in text)

"""One HTTP request to what a tenant declared.

As plain as can be: no proxies, cookies or credentials that this machine may know of, no connection that another call
has used, let alone another tenant's. What is waited for, and what comes, is bounded by the call
(`workers.network.bounds`), what of it is read by `most`, and where it goes by `workers.network.hosts`.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import httpcore2
import httpx2

from workers.network.addresses import Network
from workers.network.bodies import NotAnswered, cut, unpacked
from workers.network.hosts import CheckedBackend
from workers.network.urls import Url

#: How often an answer may send whoever asked to another place.
REDIRECTS = 3

#: Bytes that may come besides four times as many as a body may have: headers and redirects, what is around chunks, what
#: unpacks to nothing. A server that sends as much of that as it can would keep a core busy while a call may last.
AROUND = 262_144

#: Statuses that do, and those of them that keep method and body whatever they are (RFC 9110, 15.4).
REDIRECTING = frozenset({301, 302, 303, 307, 308})
KEEPING = frozenset({307, 308})
SEE_OTHER = 303

#: What goes wrong on the way, as httpcore says it.
BROKEN = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


@dataclass(frozen=True)
class Request:
    """A request. Names of headers are in lower case."""

    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Response:
    """`cut_off`: the body had more bytes than were read. Of headers of one name, which is in lower case, the first."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut_off: bool


#: Says what is asked instead where an answer leads elsewhere, by this method; or refuses, by `NotAllowed`.
Onward = Callable[[Request, str, Url], Request]


@cache
def tls() -> ssl.SSLContext:
    """The certificates that this process trusts; to read them costs 20 ms, so they are read once."""
    return httpx2.create_ssl_context()


def fetch(request: Request, allowed: Sequence[Network], *, most: int, onward: Onward) -> Response:
    """The answer, of which so many bytes are read at most; raises `NotAllowed`, `NotAnswered`.

    Within `bounded`, by `most_bytes=on_the_wire(most)`.
    """
    for _ in range(REDIRECTS + 1):
        response = fetch_one(request, allowed, most=most)
        location = response.headers.get("location")
        if response.status not in REDIRECTING or location is None:
            return response
        request = onward(request, method_after(request.method, response.status), request.url.onward(location))
    raise NotAnswered(f"the answer leads on and on: more than {REDIRECTS} redirects are not followed")


def on_the_wire(most: int) -> int:
    """Bytes that may come for a body of so many."""
    return 4 * most + AROUND


def fetch_one(request: Request, allowed: Sequence[Network], *, most: int) -> Response:
    """The answer to this one request, wherever it leads."""
    to = request.url
    url = httpcore2.URL(scheme=to.scheme.encode(), host=to.host.encode(), port=to.port, target=to.target.encode())
    headers_sent = [("host", to.authority), *request.headers.items()]
    pool = httpcore2.ConnectionPool(tls(), network_backend=CheckedBackend(allowed))
    try:
        with pool, pool.stream(request.method, url, headers=headers_sent, content=request.body) as response:
            headers = first_headers(response.headers)
            pieces = unpacked(response.iter_stream(), headers.get("content-encoding", "").strip().lower())
            body, cut_off = cut(pieces, most)
    except BROKEN as error:
        raise NotAnswered(f"no whole answer came: {error or type(error).__name__}") from error
    return Response(response.status, headers, body, cut_off)


def method_after(method: str, status: int) -> str:
    """The method by which the place that an answer leads to is asked."""
    if status in KEEPING or method in {"GET", "HEAD"}:
        return method
    return "GET" if status == SEE_OTHER or method == "POST" else method


def first_headers(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return first

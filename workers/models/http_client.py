"""The HTTP client that the SDK is given: its own, but for the connections (`workers.network.wire`)."""

import ssl
import weakref
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from workers.models.kept import keep_clean
from workers.network.wire import Backend

#: Seconds after which a connection that nobody uses is not used again. Servers close theirs after five (uvicorn, Node)
#: or later: a request that meets the close is lost, and nobody knows whether it was served.
KEPT = 4.0

#: Slots bound the calls at once, so no call waits for a connection; how many are kept is the SDK's own default.
LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=KEPT)

#: How an answer comes that is not packed.
PLAIN = "identity"


def http_client(trust: ssl.SSLContext) -> httpx2.Client:
    """For the SDK, as its own is made but for the connections; with the proxies that the environment names.

    `trust`: whose certificates are believed. To read those costs nearly all that making a client does. Redirects are
    not followed: a provider says where it computes, and whoever it names has not. Answers come as they are, for of one
    that is packed nobody knows how much it is until it is unpacked. No cookie is kept: the next call is another's.
    """
    from openai import DefaultHttpxClient  # noqa: PLC0415 - a second of CPU, which who makes other calls need not pay

    client = DefaultHttpxClient(
        limits=LIMITS,
        verify=trust,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"Accept-Encoding": PLAIN},
        event_hooks={"response": [_check_plain]},
    )
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - given a transport, httpx knows no proxies
        if isinstance(transport, httpx2.HTTPTransport):
            transport._pool._network_backend = Backend()  # noqa: SLF001 - httpx has no way to say which
            keep_clean(transport._pool)  # noqa: SLF001 - as above
            weakref.finalize(client, transport.close)
    return client


def _check_plain(response: httpx2.Response) -> None:
    packed = response.headers.get("content-encoding", PLAIN).strip().lower()
    if packed not in (PLAIN, ""):
        raise httpx2.DecodingError(f"the answer is packed ({packed[:20]}), and was asked not to be")

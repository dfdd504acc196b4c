"""A server that a tenant may have declared: it answers as it is told to, and knows what it was asked."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from math import inf
from threading import Thread
from typing import Any
from uuid import UUID

from shared.agents.connections import HttpEndpoint
from shared.errors import NotFound
from workers.network.bounds import CallsUntil
from workers.turns.tools.http import http_tool
from workers.turns.tools.tool import Tool, Use

#: The credential of every endpoint here that has one.
SECRET = "s3cr3t/with+signs"

#: Where the servers of tests are.
LOCAL = (IPv4Network("127.0.0.0/8"),)


@dataclass(frozen=True)
class Heard:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """An answer. A header `content-length` of its own takes the place of the true one."""

    body: bytes = b'{"ok": true}'
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


Answering = Callable[[Heard], Says]


class Outsider:
    """Answers by `says`."""

    def __init__(self, says: Answering, address: str, port: int) -> None:
        self.heard: list[Heard] = []
        self._server = ThreadingHTTPServer((address, port), _handler(self.heard, says))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://{address}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(heard: list[Heard], says: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Heard(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            heard.append(asked)
            said = says(asked)
            self.send_response_only(said.status)
            for name, value in ({"content-length": str(len(said.body))} | dict(said.headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """What was asked is in `heard`."""

    return Handler


@contextmanager
def outsider(says: Answering = lambda _: Says(), *, address: str = "127.0.0.1", port: int = 0) -> Iterator[Outsider]:
    made = Outsider(says, address, port)
    try:
        yield made
    finally:
        made.close()


def use(*, seconds: float = 30.0, tenant: str = "acme") -> Use:
    """Of a tool, by a job that there is not."""
    return Use(
        tenant=tenant,
        agent="default",
        user_identifier=None,
        user_context={},
        conversation="c",
        job=UUID(int=1),
        place="0.tool.0",
        idempotency_key="key-of-this-step",
        seconds=seconds,
    )


def secret(name: str) -> str:
    """The tenant has one credential, called `key`."""
    if name != "key":
        raise NotFound(f"there is no credential {name!r}")
    return SECRET


def endpoint(url: str, **told: Any) -> HttpEndpoint:
    return HttpEndpoint(url=url, **({"description": "orders", "methods": ("GET", "POST")} | told))


def tool(*urls: str, calls_until: CallsUntil = lambda: inf, **told: Any) -> Tool:
    """`http_request` towards these, called `e0`, `e1` …; on this machine too."""
    endpoints = {f"e{number}": endpoint(url, **told) for number, url in enumerate(urls)}
    return http_tool(endpoints, secret, LOCAL, calls_until)


def asked(made: Tool, path: str = "", *, seconds: float = 30.0, **arguments: Any) -> dict[str, Any]:
    """What the tool answers to a call for `e0`."""
    answer: dict[str, Any] = made.act(use(seconds=seconds), {"endpoint": "e0", "path": path} | arguments)
    return answer

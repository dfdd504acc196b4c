"""The calls that a turn makes, overheard on their way to the model, so that they can be made without Headgate."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import orjson
from openai import OpenAI

from shared.cell import Cell
from shared.contracts.kinds import Family
from tests.support.executing import Slot
from workers import registry

#: Connections that belong to one leg of the way, not to what is carried.
OF_ONE_LEG = ("connection", "transfer-encoding", "date", "server")


@dataclass(frozen=True)
class Request:
    """One call as the model got it."""

    path: str
    body: dict[str, Any]

    def make(self, client: OpenAI) -> None:
        """By the SDK, to its end."""
        if self.path.endswith("/embeddings"):
            client.embeddings.create(**self.body)
            return
        answer = client.chat.completions.create(**self.body)
        if self.body.get("stream"):
            for _ in answer:
                pass


def calls_of_a_turn(cell: Cell, lane: str) -> list[Request]:
    """Run the one turn that waits in this lane, in this process, and answer the calls that it made, in order."""
    settings = cell.settings
    with _listening(str(settings.openai_base_url)) as (url, heard):
        room = registry.load({Family.TURNS})["agent.turn"]
        overheard = Cell(settings.model_copy(update={"openai_base_url": url}))
        try:
            assert Slot(overheard, room, lane=lane).serve(), f"no turn waits in {lane}"
        finally:
            overheard.close()
    return heard


@contextmanager
def _listening(model: str) -> Iterator[tuple[str, list[Request]]]:
    """The address of somebody who passes calls on to the model, and what was asked there."""
    heard: list[Request] = []

    class Passing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(Request(self.path, orjson.loads(body)))
            to = HTTPConnection(urlsplit(model).netloc)
            to.request("POST", self.path, body, dict(self.headers))
            answer = to.getresponse()
            said = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name not in (*OF_ONE_LEG, "content-length"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            to.close()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{urlsplit(model).path}", heard
        finally:
            server.shutdown()

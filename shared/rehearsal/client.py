"""For the demo, the tests and the benchmarks: start the rehearsal model, direct it, read its books."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel

from shared.errors import HeadgateError, Unavailable
from shared.rehearsal.log import Served, Total, fingerprint
from shared.rehearsal.settings import RehearsalSettings

#: Seconds after which a server that was told to stop is killed; it gives itself one.
STOP_SECONDS = 10.0

#: Seconds that an answer of the side door may take on a busy machine.
ANSWER_SECONDS = 30.0


class _Settings(BaseModel):
    settings: RehearsalSettings
    struck: list[int]


class _Log(BaseModel):
    served: list[Served]


class _Requests(BaseModel):
    requests: list[str]


class _Totals(BaseModel):
    totals: dict[str, Total]


@dataclass(frozen=True)
class Rehearsal:
    """A running rehearsal model; `url` is what the `openai` SDK takes as its base URL."""

    url: str

    def settings(self, **changes: Any) -> RehearsalSettings:
        """Change the settings that are named (see `RehearsalSettings`), and answer them all."""
        body = json.dumps(changes).encode() if changes else None
        answer = self._ask("PUT" if changes else "GET", "/rehearsal/settings", body)
        return _Settings.model_validate_json(answer).settings

    def struck(self) -> list[int]:
        """How often each fault has struck, in the order of the rules."""
        return _Settings.model_validate_json(self._ask("GET", "/rehearsal/settings")).struck

    def served(self, api_key: str | None = None) -> list[Served]:
        """What was served, in order: to one key, or to all."""
        query = f"?{urlencode({'api_key': api_key})}" if api_key else ""
        return _Log.model_validate_json(self._ask("GET", f"/rehearsal/log{query}")).served

    def lookup(self, request_id: str) -> list[Served]:
        """The calls served under a client request id; an empty list: none was."""
        return _Log.model_validate_json(self._ask("GET", f"/rehearsal/log/{quote(request_id, safe='')}")).served

    def requests(self) -> list[str]:
        """The bodies that were sent since `keep_requests` was set, in order."""
        return _Requests.model_validate_json(self._ask("GET", "/rehearsal/requests")).requests

    def totals(self) -> dict[str, Total]:
        """Sums by the fingerprint of the key."""
        return _Totals.model_validate_json(self._ask("GET", "/rehearsal/totals")).totals

    def total(self, api_key: str) -> Total:
        return self.totals().get(fingerprint(api_key), Total())

    def clear(self) -> None:
        """Forget what was served and what was asked."""
        self._ask("DELETE", "/rehearsal/log")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            said = answer.read()
        except OSError as error:
            raise Unavailable(f"The rehearsal model at {self.url} does not answer ({error}): is it running?") from error
        finally:
            connection.close()
        if answer.status >= 300:  # noqa: PLR2004 - HTTP: the first status that is not a success
            raise HeadgateError(f"The rehearsal model refused {method} {path}: {said.decode(errors='replace')}")
        return said


@contextmanager
def rehearsal(*, port: int = 0, log: Path | None = None, **settings: Any) -> Iterator[Rehearsal]:
    """A rehearsal model in a process of its own, for as long as the block lasts."""
    command = [sys.executable, "-m", "shared.rehearsal", "--with-parent", "--port", str(port)]
    if log:
        command += ["--log", str(log)]
    # In a session of its own, so that a Ctrl-C leaves it to us; it ends with its end of the pipe, if we are killed.
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as process:  # noqa: S603 - ours
        try:
            model = Rehearsal(_address(process))
            model.settings(**settings)
            yield model
        finally:
            _stop(process)


def _address(process: subprocess.Popen[bytes]) -> str:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise Unavailable("The rehearsal model ended before it listened; its complaint stands above on stderr.")
    return str(json.loads(line)["url"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()

"""What was served: the provider's own books, against which bills are checked.

A call is served, and its entry written, the moment its request has been received whole: before the latency and before
the first byte of the answer. So the look-up is never too early: once a client is gone, its call either is in the log
or never will be. Real providers bill that way too, whether or not anybody is left to hear the answer. An entry is
later amended when the client is seen to have left.

Keys are kept as a fingerprint. The file, where there is one, holds one JSON object a line; the last line with a
`number` is the valid one. It is read back at the start, so the books survive the server.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import orjson
from pydantic import TypeAdapter


class Status(StrEnum):
    """What became of the answer."""

    ANSWERED = "answered"  #: handed to the network, or still on its way
    CUT = "cut"  #: dropped in the middle, by a fault
    ABANDONED = "abandoned"  #: never received: the client left first, or the answer was lost by a fault


@dataclass(frozen=True, slots=True)
class Served:
    """One call the model has done the work for."""

    number: int
    api_key: str
    request_id: str | None
    endpoint: str
    model: str
    input_tokens: int
    output_tokens: int
    status: Status
    served_at: datetime


@dataclass(frozen=True, slots=True)
class Total:
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, served: Served) -> "Total":
        return Total(self.calls + 1, self.input_tokens + served.input_tokens, self.output_tokens + served.output_tokens)


_LINE = TypeAdapter(Served)


def fingerprint(key: str) -> str:
    """A key as the log keeps it: the start of its SHA-256 and its last six characters. Twice is the same as once."""
    if key.startswith("sha256:"):
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()[:16]}:{key[-6:]}"


class ServedLog:
    """The entries in order, in memory and, where a path is given, in a file."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: dict[int, Served] = {}
        self._by_request: dict[str, list[int]] = {}
        for served in _read(path):
            self._keep(served)
        self._newest = max(self._entries, default=0)
        self._file = path.open("ab", buffering=0) if path else None

    def number(self) -> int:
        """A number for a new entry."""
        self._newest += 1
        return self._newest

    def write(self, served: Served) -> None:
        self._keep(served)
        if self._file:
            self._file.write(orjson.dumps(served) + b"\n")

    def amend(self, number: int, status: Status) -> None:
        if served := self._entries.get(number):
            self.write(replace(served, status=status))

    def entries(self, api_key: str | None = None) -> list[Served]:
        wanted = fingerprint(api_key) if api_key else None
        return [served for served in self._entries.values() if wanted in (None, served.api_key)]

    def lookup(self, request_id: str) -> list[Served]:
        """Every call served under a client request id: more than one where the client sent it again."""
        return [self._entries[number] for number in self._by_request.get(request_id, ())]

    def totals(self) -> dict[str, Total]:
        totals: dict[str, Total] = {}
        for served in self._entries.values():
            totals[served.api_key] = totals.get(served.api_key, Total()).plus(served)
        return totals

    def clear(self) -> None:
        self._entries.clear()
        self._by_request.clear()
        if self._file:
            self._file.truncate(0)

    def _keep(self, served: Served) -> None:
        if served.number not in self._entries and served.request_id is not None:
            self._by_request.setdefault(served.request_id, []).append(served.number)
        self._entries[served.number] = served


def _read(path: Path | None) -> Iterator[Served]:
    if path and path.exists():
        with path.open("rb") as lines:
            yield from (_LINE.validate_json(line) for line in lines)

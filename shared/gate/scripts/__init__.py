"""The gate's operations as Redis gets them: one library of functions, loaded once into each run of Redis.

Functions, and not scripts, because a script's every call makes all its local functions anew, which was a fifth of what
an operation cost. One file is one operation; `PRELUDE` is what they share. The library's name is made from its text, so
two versions of Headgate on one Redis do not meet.
"""

from functools import cached_property
from hashlib import sha256
from importlib.resources import files

#: What all operations share, in this order; `clock` stands before it.
PRELUDE = ("records", "budget", "place", "line", "lease", "register")

#: Every operation, by the name of its file.
OPERATIONS = (
    *("offer", "claim", "release", "next", "renew", "cancel", "reserve", "settle", "drawn"),
    *("adopt", "remember", "hold", "sweep", "configure", "pause", "weigh", "room", "look"),
)

#: An offer as doors make it, which a full Redis refuses: the ledger still has the job. (A rebuild's is never refused.)
STRICT_OFFER = "offer_strict"

#: Lets a script that runs while the gate is closed work when Redis is full.
ALLOW_OOM = "#!lua flags=allow-oom\n"


class Library:
    """All operations. `clock` is Lua that defines `clock(prefix)`; tests bring their own."""

    def __init__(self, clock: str | None = None) -> None:
        self._clock = clock or read("clock")

    @cached_property
    def name(self) -> str:
        return f"headgate_{sha256(self._body.encode()).hexdigest()[:16]}"

    @cached_property
    def text(self) -> str:
        """What `FUNCTION LOAD` takes."""
        return f"#!lua name={self.name}\nlocal LIBRARY = '{self.name}'\n{self._body}"

    @cached_property
    def _body(self) -> str:
        operations = [_registered(name, name, strict=False) for name in OPERATIONS]
        operations.append(_registered(STRICT_OFFER, "offer", strict=True))
        return "\n".join([self._clock, *map(read, PRELUDE), *operations])


def bare(operation: str) -> str:
    """A script that runs while the gate is closed: it is preceded by nothing."""
    return ALLOW_OOM + read(operation)


def read(name: str) -> str:
    return files(__package__).joinpath(f"{name}.lua").read_text()


def _registered(name: str, file: str, *, strict: bool) -> str:
    return f"operation('{name}', {str(strict).lower()}, function(ARGV)\n{read(file)}end)\n"

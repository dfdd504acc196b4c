"""The scripts as Redis gets them: each operation preceded by what all share."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib.resources import files

#: Lets an operation work when Redis is full; only an offer may be turned away then (the ledger still has the job).
ALLOW_OOM = "#!lua flags=allow-oom\n"
STRICT = "#!lua\n"

#: What precedes every operation, in this order.
PRELUDE = ("place.lua", "lease.lua")


@dataclass(frozen=True)
class Script:
    text: str

    @cached_property
    def sha(self) -> str:
        """The name that Redis gives a script."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Scripts:
    """All operations, read once. `clock` is Lua that defines `clock()`; tests bring their own."""

    def __init__(self, clock: str | None = None) -> None:
        self._clock = clock or read("clock.lua")
        self._known: dict[str, Script] = {}

    def __getitem__(self, operation: str) -> Script:
        if operation not in self._known:
            parts = [self._clock, *map(read, PRELUDE), read(f"{operation}.lua")]
            flags = STRICT if operation == "offer" else ALLOW_OOM
            self._known[operation] = Script(flags + "\n".join(parts))
        return self._known[operation]

    def bare(self, operation: str) -> str:
        """A script that runs while the gate is closed: it is preceded by nothing."""
        return ALLOW_OOM + read(f"{operation}.lua")


def read(name: str) -> str:
    return files(__package__).joinpath(name).read_text()

"""The folder that one set of embedded servers lives in, and who runs it.

Everything a later start needs is a small file here: passwords, the processes to look after, the addresses to share.
A lock that the kernel holds for us says who runs the home, because it is freed even when its holder is killed with -9.
Its weakness: a process forked from the holder holds it too, until that one ends.
"""

import fcntl
import hashlib
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from pydantic import SecretStr, TypeAdapter

from shared import ids
from shared.errors import ConfigurationError, HeadgateError

Kept = TypeVar("Kept")

#: Hex digits of a home's mark: 48 bits, enough to tell the homes of one machine apart.
MARK_DIGITS = 12


#: The home's file of its vault's master key, and the key's bytes (`shared.tenancy.vault`).
MASTER_KEYS, MASTER_KEY_BYTES = "master_keys.json", 32


class HomeInUse(HeadgateError):  # noqa: N818 - it names a state of the world, not a mistake
    """Another live process runs the servers of this home."""


@dataclass(frozen=True)
class Passwords:
    """Made once: the database keeps the first one inside itself."""

    admin: str
    app: str
    redis: str


@dataclass(frozen=True)
class Home:
    folder: Path

    @property
    def mark(self) -> str:
        """The name that this home's processes carry in their command lines, and folders outside it in theirs."""
        return "headgate-" + hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:MARK_DIGITS]

    def read(self, name: str, kind: type[Kept]) -> Kept | None:
        """What was written under this name, or None."""
        try:
            return TypeAdapter(kind).validate_json((self.folder / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, value: object) -> None:
        """Write so that a reader, or a power cut, meets the old file or the new one; only the owner may read it."""
        fresh = self.folder / f"{name}.new"
        with open_private(fresh, "w") as file:
            file.write(TypeAdapter(type(value)).dump_json(value, indent=2).decode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / name)

    def forget(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[Home]:
    """The home, made if need be, with its lock held: nobody else runs it until this ends."""
    home = Home(folder.resolve())
    try:
        home.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open_private(home.folder / "lock", "a+")
    except OSError as refusal:
        raise ConfigurationError(f"{home.folder} cannot be used ({refusal}): set HEADGATE_HOME elsewhere") from refusal
    with lock:
        take(lock, home)
        yield home


def take(lock: IO[str], home: Home) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise HomeInUse(
            f"{home.folder} is already run by process {lock.read().strip() or 'unknown'}: "
            "use its servers, stop it, or set HEADGATE_HOME to another folder"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


def passwords(home: Home) -> Passwords:
    kept = home.read("passwords.json", Passwords)
    if kept is None:
        kept = Passwords(admin=ids.token(), app=ids.token(), redis=ids.token())
        home.write("passwords.json", kept)
    return kept


def master_keys(home: Home) -> SecretStr:
    """What the vault of this home seals with (`shared.tenancy.vault`); made once, by whoever runs the home."""
    kept = known_master_keys(home)
    if kept is None:
        kept = SecretStr(b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode())
        home.write(MASTER_KEYS, kept.get_secret_value())
    return kept


def known_master_keys(home: Home) -> SecretStr | None:
    """The same, where they have been made."""
    kept = home.read(MASTER_KEYS, str)
    return SecretStr(kept) if kept else None


def open_private(path: Path, mode: str) -> IO[str]:
    """A file that is its owner's alone from its first moment on."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))

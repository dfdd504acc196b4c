"""What the rest of Headgate needs to know of the embedded servers, and how other processes learn it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from shared.embedded.home import Home
from shared.embedded.process import Identity

#: The home's file that tells others of running servers.
PUBLISHED = "servers.json"


@dataclass(frozen=True)
class Servers:
    """Addresses with their passwords, as the settings of the same names want them."""

    database_admin_url: str
    database_url: str
    redis_url: str


@dataclass(frozen=True)
class Publication:
    """The servers, and every process that must live for them to be of use; the first is the one that runs them."""

    servers: Servers
    processes: tuple[Identity, ...]


@contextmanager
def published(home: Home, servers: Servers, processes: tuple[Identity, ...]) -> Iterator[None]:
    """Let other processes `find` these servers, until this ends."""
    home.write(PUBLISHED, Publication(servers, (Identity.of(psutil.Process(os.getpid())), *processes)))
    try:
        yield
    finally:
        home.forget(PUBLISHED)


def find(home: Path) -> Servers | None:
    """The servers that a live process runs in this home now, or None."""
    publication = Home(home.resolve()).read(PUBLISHED, Publication)
    if publication and all(process.find() for process in publication.processes):
        return publication.servers
    return None

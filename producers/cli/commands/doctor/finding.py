"""What an examination found: how bad it is, what was seen, and what to do."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from shared.cell import Cell
from shared.errors import HeadgateError


class Level(StrEnum):
    OK = "ok"
    #: Works, but not as it should outside one machine, or not for long.
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    subject: str
    level: Level
    said: str


Examination = Callable[[Cell], Iterable[Finding]]


def ok(subject: str, said: str) -> Finding:
    return Finding(subject, Level.OK, said)


def warning(subject: str, said: str) -> Finding:
    return Finding(subject, Level.WARNING, said)


def failed(subject: str, said: str) -> Finding:
    return Finding(subject, Level.FAILED, said)


def examined(subject: str, examine: Examination, cell: Cell) -> Iterator[Finding]:
    """What the examination finds; one that cannot be made is a finding itself."""
    try:
        yield from examine(cell)
    except (HeadgateError, psycopg.Error, SQLAlchemyError, RedisError, OSError) as error:
        yield failed(subject, " ".join(str(error).split()))

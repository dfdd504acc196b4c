"""What was asked of a database and is read later: in a pipeline, more is asked meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from psycopg import Cursor
from psycopg.rows import DictRow

T = TypeVar("T")


@dataclass(frozen=True)
class Pending(Generic[T]):
    """Asked by `cursor`; to be read once, when the pipeline is over or where its answer must be waited for."""

    cursor: Cursor[DictRow]
    reading: Callable[[Cursor[DictRow]], T]

    def read(self) -> T:
        """What the database answered, or raised; and whatever `reading` raises."""
        return self.reading(self.cursor)

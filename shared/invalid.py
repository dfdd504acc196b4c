"""What pydantic found wrong with something, in a line for whoever wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError


@dataclass(frozen=True)
class Wrong:
    """`place`: the names and indices that lead to it; empty where it is about the whole."""

    place: Sequence[str | int]
    said: str

    def __str__(self) -> str:
        where = ".".join(map(str, self.place))
        return f"{where}: {self.said}" if where else self.said


def first_wrong(error: ValidationError) -> Wrong:
    """The first thing that is wrong. The value is not told: it may be a secret."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return Wrong(detail["loc"], detail["msg"].removeprefix("Value error, "))

"""Something that keeps a configuration from being saved, and where in it."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.errors import HeadgateError

#: Where a value stands: keys of mappings, positions in lists.
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong at a place of a configuration; `line` of the text there, where it is about one."""

    path: Path
    said: str
    line: int | None = None

    def __str__(self) -> str:
        line = f" line {self.line}:" if self.line else ""
        return f"{written(self.path)}:{line} {self.said}"


class Unfit(HeadgateError):  # noqa: N818 - named for what it says of a configuration
    """A configuration that cannot be saved, and all that is wrong with it."""

    def __init__(self, problems: Collection[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def written(path: Path) -> str:
    """`agents.default.tools[2]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")

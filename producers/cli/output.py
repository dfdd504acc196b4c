"""One way to print: tables for people, or with `--json` exactly one JSON document, on stdout; progress on stderr.

What tenants write is printed as it is: no markup is read in it, and no control character of it reaches the terminal.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

#: The option of every command that ends.
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of words.")]

#: What stands where there is nothing to say.
NOTHING = "-"

#: Wider than any line: a table that is measured in it says what it wants.
UNBOUNDED = 100_000

#: Columns of a table that goes to a file or a pipe, which have no width of their own.
PIPED_WIDTH = 200


def console(*, stderr: bool = False) -> Console:
    """Where answers go; with `stderr`, where a command says what it is doing meanwhile."""
    watched = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if watched else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def document(value: Any) -> None:
    """One JSON document. A dataclass in it is told by its `facts`; what tenants wrote stays as they wrote it."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    typer.echo(orjson.dumps(value, default=_plain, option=options))


def facts(row: Any) -> dict[str, Any]:
    """A dataclass, or a row of a table, field by field, by the names that fields have here (`short`)."""
    held = row if isinstance(row, Mapping) else {field.name: getattr(row, field.name) for field in fields(row)}
    return {short(name): value for name, value in held.items()}


def short(field: str) -> str:
    """One name for one thing: an id goes by the word for what it names, `job_id` as `job`."""
    return field.removesuffix("_id")


@dataclass(frozen=True)
class Listing:
    """Rows of words under their columns; where a line would be too narrow for them, one field under the other."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        made = self._lines()
        if Measurement.get(console, options.update(width=UNBOUNDED), made).minimum <= options.max_width:
            yield made
            return
        for row in self.rows:
            there = {name: value for name, value in zip(self.columns, row, strict=True) if words(value) != NOTHING}
            yield from (sheet(there), "")
        if not self.rows:
            yield "none"

    def _lines(self) -> Table:
        """Numbers stand right. What is one word, such as an id, is never broken."""
        made = Table(box=None, header_style="bold", pad_edge=False)
        for position, column in enumerate(self.columns):
            held = [row[position] for row in self.rows]
            numbers = bool(held) and all(isinstance(value, int | float) for value in held)
            whole = all(" " not in words(value).strip() for value in held)
            made.add_column(column, justify="right" if numbers else "left", overflow="fold", no_wrap=whole)
        for row in self.rows:
            made.add_row(*(words(value) for value in row))
        return made


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Listing:
    """Rows under their columns."""
    return Listing(columns, [tuple(row) for row in rows])


def sheet(fields: Mapping[str, Any]) -> Table:
    """One thing, field by field."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in fields.items():
        made.add_row(name, words(value))
    return made


def words(value: Any) -> str:
    """A value as people read it."""
    match value:
        case None:
            said = ""
        case bool():
            said = "yes" if value else "no"
        case int():
            said = f"{value:,}"
        case float():
            said = f"{value:,.2f}"
        case datetime():
            said = f"{value:%Y-%m-%d %H:%M:%S}"
        case Mapping():
            said = ", ".join(f"{name}={_within(held)}" for name, held in value.items())
        case list() | tuple() | frozenset():
            said = ", ".join(_within(held) for held in value)
        case _:
            said = str(value)
    return printable(said) or NOTHING


def _within(value: Any) -> str:
    """A value inside another: where it says several things itself, they are held together."""
    several = isinstance(value, Mapping) or (isinstance(value, list | tuple | frozenset) and len(value) > 1)
    return f"({words(value)})" if several and value else words(value)


def printable(text: str) -> str:
    """Text that cannot steer the terminal it is shown on."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _plain(value: Any) -> Any:
    """What JSON has no words for."""
    return facts(value) if is_dataclass(value) and not isinstance(value, type) else str(value)

"""Tables in our pages that are written from the code, each between marks of its name."""

from collections.abc import Callable, Iterable, Mapping

from shared.errors import HeadgateError
from shared.published import agent_fields, configuration

#: What writes a table: its rows, the head first.
Rows = Callable[[], Iterable[tuple[str, ...]]]

#: The tables of a page, by the page's path.
TABLES: Mapping[str, tuple[str, Rows]] = {
    "README.md": ("configuration", configuration.rows),
    "docs/agents.md": ("fields of an agent", agent_fields.rows),
}


class NoPlace(HeadgateError):  # noqa: N818 - it names what is missing
    """The text has no place for the table."""


def within(path: str, text: str) -> str:
    """The text of this page with its table, as it is now, between the marks; `NoPlace` where it has none."""
    name, rows = TABLES[path]
    mark, end_mark = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, begin, rest = text.partition(mark)
    _, end, after = rest.partition(end_mark)
    if not (begin and end):
        raise NoPlace(f"no place for the table: put {mark} and {end_mark} into {path} where it belongs")
    return f"{before}{mark}\n\n{_table(rows())}\n\n{end_mark}{after}"


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    head, *others = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * 3, *others])

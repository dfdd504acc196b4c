"""`headgate refused`: messages that the bus door turned away, as the bus keeps them: with the reason, without keys.

What is kept was written by strangers. It is shown as it is, and nothing in it reaches the terminal as a command.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet, table
from shared.bus import connect
from shared.cell import Cell
from shared.contracts.answers import Reason
from shared.errors import NotFound

#: Characters of the name that an entry goes by here: of its SHA-256, so that it is the same in each look.
NAME = 12

#: What the columns show, in this order.
COLUMNS = ("entry", "refused_at", "reason", "tenant", "principal", "source", "id", "bytes", "message")

Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Look at the newest so many.")]


class Kept(BaseModel):
    """What is kept of a message that was turned away (`producers.refusal`). `bytes`: of the whole of it."""

    model_config = ConfigDict(frozen=True)

    refused_at: datetime
    door: str
    reason: Reason
    message: str
    id: str | None
    source: str | None
    tenant: str | None
    principal: str | None
    bytes: int
    body: str


@dataclass(frozen=True)
class Entry:
    """A refusal, and the name it goes by here."""

    entry: str
    kept: Kept

    @property
    def plain(self) -> dict[str, Any]:
        return {"entry": self.entry} | self.kept.model_dump()


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Messages that the bus door turned away, and why.", no_args_is_help=True)
    listed = "a list of what `show` answers, without `body`"
    group.command("list", epilog=ending("refused list --reason unauthenticated", listed))(list_)
    group.command(epilog=ending("refused show 3f6f1b2c4d5e", f"{{entry, {', '.join(Kept.model_fields)}}}"))(show)
    app.add_typer(group, name="refused")


def list_(
    reason: Annotated[Reason | None, typer.Option(help="Only those turned away for this.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's: for it, or under its key.")] = None,
    limit: Limit = 20,
    *,
    json: Json = False,
) -> None:
    """The newest first, without what they said."""
    wanted = [
        entry.plain
        for entry in _entries(opened(), limit)
        if reason in (None, entry.kept.reason) and tenant in (None, entry.kept.tenant, entry.kept.principal)
    ]
    if json:
        return document([{name: told for name, told in row.items() if name != "body"} for row in wanted])
    return console().print(table(COLUMNS, [tuple(row[name] for name in COLUMNS) for row in wanted]))


def show(
    entry: Annotated[str, typer.Argument(help="The entry's name, as `list` shows it.")],
    limit: Limit = 10_000,
    *,
    json: Json = False,
) -> None:
    """One of them, with the beginning of what it said; keys are gone from it."""
    found = next((each for each in _entries(opened(), limit) if each.entry == entry), None)
    if found is None:
        raise NotFound(f"no entry {entry!r} among the newest {limit:,}: `headgate refused list` names them")
    return document(found.plain) if json else console().print(sheet(found.plain))


def _entries(cell: Cell, limit: int) -> Iterator[Entry]:
    """The newest first. What is no record of the door's, as anybody on the bus may write one, is passed over."""
    with closing(connect(cell.bus_url, refused_kept=cell.settings.refused_kept)) as bus:
        kept = bus.refused(limit)
    for told in kept:
        try:
            yield Entry(sha256(told).hexdigest()[:NAME], Kept.model_validate_json(told))
        except ValidationError:
            continue

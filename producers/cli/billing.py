"""`headgate billing`: a month's usage as a file. The work is the platform's own job; here it is asked for."""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from producers.cli import door
from producers.cli.door import Job
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet
from shared.cell import Cell
from shared.errors import HeadgateError
from shared.ledger.states import State
from shared.metering.usage import usd
from shared.tenancy.tenants import PLATFORM

#: Seconds to wait for the file: a worker that serves ops starts it at once, and a month of rollups is summed in a few.
PATIENCE = 60.0


class Format(StrEnum):
    CSV = "csv"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Hand a month's usage to billing.", no_args_is_help=True)
    group.command()(export)
    app.add_typer(group, name="billing")


def export(
    period: Annotated[str, typer.Option(help="The month, as YYYY-MM.")],
    form: Annotated[Format, typer.Option("--format", help="How the file is written.")] = Format.CSV,
    tenant: Annotated[list[str] | None, typer.Option(help="Only this tenant's; repeatable.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where to copy the file to.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for the file.")] = PATIENCE,
    *,
    json: Json = False,
) -> None:
    """Write a month's usage; its totals are checked against the usage records before it is kept."""
    cell = opened()
    for name in tenant or ():
        cell.tenants.get(name)
    data = {"period": period, "format": form.value}
    job = door.submit(cell, Job("billing.export", data, tenants=tenant or None))
    ended = door.wait(cell, PLATFORM, [job], seconds=patience, tell=lambda _: None)[job]
    if ended.state != State.DONE or ended.result is None:
        raise HeadgateError(f"the export is {ended.state}: {ended.error}")
    result = ended.result | {"job": job, "cost_usd": usd(ended.result["cost_nano"])}
    if output is not None:
        _copy(cell, result, output)
        result |= {"copy": str(output)}
    return document(result) if json else console().print(sheet(result))


def _copy(cell: Cell, result: dict[str, Any], output: Path) -> None:
    """The object as it was made, or nothing."""
    name = result["object"].partition("/exports/")[2]
    content = cell.objects.get(f"exports/{name}")
    if hashlib.sha256(content).hexdigest() != result["sha256"]:
        raise HeadgateError(f"{result['object']} is not what was exported: export it again")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise HeadgateError(f"cannot write {output} ({error.strerror}): name another file with --output") from error

"""`headgate billing`: a month's usage as a file, and lost calls put right. The platform's own jobs, asked for here."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import Annotated, Any
from uuid import UUID

import typer

from producers.cli import door
from producers.cli.door import LOOK, Job
from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.output import Json, console, document, sheet
from producers.cli.progress import counted
from producers.cli.values import value_of
from shared.cell import Cell
from shared.clock import monotonic
from shared.contracts.results import ExportResult
from shared.errors import HeadgateError
from shared.ledger import recording
from shared.ledger.states import State
from shared.metering.usage import month, usd
from shared.tenancy.tenants import PLATFORM

#: Seconds to wait for the file: a worker that serves ops starts it at once, and a month of rollups is summed in a few.
PATIENCE = 60.0

#: What `--json` answers.
EXPORTED = (
    "{job}; with --wait also {object, sha256, rows, quantity, records, cost_nano, cost_usd}; with --output also {copy}"
)
RECONCILED = "{job}; with --wait also {served, not_served, unknown}"

Tenants = Annotated[list[str] | None, typer.Option("--tenant", help="Only this tenant's; repeatable.")]
Patience = Annotated[float, typer.Option(min=0, help="Seconds that --wait waits at most.")]


class Format(StrEnum):
    CSV = "csv"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Hand a month's usage to billing; reconcile lost calls.", no_args_is_help=True)
    group.command(epilog=ending("billing export --period 2026-10 --output october.csv", EXPORTED))(export)
    group.command(epilog=ending("billing reconcile --wait", RECONCILED))(reconcile)
    app.add_typer(group, name="billing")


def export(
    period: Annotated[str, typer.Option(help="The month, as YYYY-MM.")],
    form: Annotated[Format, typer.Option("--format", help="How the file is written.")] = Format.CSV,
    tenant: Tenants = None,
    output: Annotated[Path | None, typer.Option(help="As --wait, and copy the file to here.")] = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until the file is written, and say where it is.")] = False,
    patience: Patience = PATIENCE,
    json: Json = False,
) -> None:
    """Write a month's usage; its totals are checked against the usage records before it is kept."""
    with value_of("--period"):
        month(period)
    cell = opened()
    job = _submit(cell, "billing.export", {"period": period, "format": form.value}, tenant)
    result: dict[str, Any] = {"job": job}
    if wait or output is not None:
        exported = ExportResult.model_validate(_result(cell, job, patience))
        result |= exported.written() | {"cost_usd": usd(exported.cost_nano)}
        if output is not None:
            _copy(cell, exported, output)
            result |= {"copy": str(output)}
    return document(result) if json else console().print(sheet(result))


def reconcile(
    tenant: Tenants = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until the corrected records are written.")] = False,
    patience: Patience = PATIENCE,
    json: Json = False,
) -> None:
    """Ask the provider's log what calls drew whose answers were lost, and correct what is on record."""
    cell = opened()
    job = _submit(cell, "billing.reconcile", {}, tenant)
    result: dict[str, Any] = {"job": job}
    if wait:
        result |= _result(cell, job, patience)
        _await_corrections(cell, tenant, patience)
    return document(result) if json else console().print(sheet(result))


def _submit(cell: Cell, kind: str, data: dict[str, Any], tenants: Sequence[str] | None) -> UUID:
    for name in tenants or ():
        cell.tenants.get(name)
    return door.submit(cell, Job(kind, data, tenants=tenants or None))


def _result(cell: Cell, job: UUID, patience: float) -> dict[str, Any]:
    """What the job answers when it is done."""
    with counted("waiting", 1) as tell:
        ended = door.wait(cell, PLATFORM, [job], seconds=patience, tell=tell)[job]
    if ended.state != State.DONE or ended.result is None:
        raise HeadgateError(f"job {job} is {ended.state}: {ended.error}")
    return ended.result


def _await_corrections(cell: Cell, tenants: Sequence[str] | None, patience: float) -> None:
    until = monotonic() + patience
    while _uncorrected(cell, tenants):
        if monotonic() >= until:
            raise HeadgateError(f"not corrected after {patience:g} s: does a worker serve ops? `headgate doctor` says")
        sleep(LOOK)


def _uncorrected(cell: Cell, tenants: Sequence[str] | None) -> int:
    with cell.metering.connection() as connection:
        return recording.uncorrected(connection, tenants)


def _copy(cell: Cell, exported: ExportResult, output: Path) -> None:
    """The object as it was made, or nothing."""
    name = exported.object.partition("/exports/")[2]
    content = cell.objects.get(f"exports/{name}")
    if hashlib.sha256(content).hexdigest() != exported.sha256:
        raise HeadgateError(f"{exported.object} is not what was exported: export it again")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise HeadgateError(f"cannot write {output} ({error.strerror}): name another file with --output") from error

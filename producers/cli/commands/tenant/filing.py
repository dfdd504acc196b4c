"""A tenant's file on its way to be saved; what is wrong with it is said line by line."""

import sys
from pathlib import Path
from typing import Any

import typer

from producers.cli.output import printable
from shared.agents.files.document import LARGEST
from shared.agents.files.file import BadFile, ReadFile, TenantFile, read_file
from shared.agents.saving import saving
from shared.agents.saving.problem import Problem, Unfit
from shared.agents.saving.saving import SavedAll, Wanted
from shared.cell import Cell
from shared.errors import HeadgateError, NotFound
from shared.tenancy.provision import ANYWHERE, changes

#: As a file's name: read from stdin.
STDIN = "-"


def save_file(cell: Cell, tenant: str | None, name: str, *, check: bool) -> tuple[str, SavedAll]:
    """The tenant that it was about, and what was saved. What is wrong with the file is said line by line."""
    try:
        read = read_file("<stdin>" if name == STDIN else name, _content(name))
        tenant = _whose(tenant, read)
        try:
            return tenant, _saved(cell, tenant, read, check=check)
        except Unfit as error:
            raise read.located(error.problems) from error
    except BadFile as error:
        for line in error.lines:
            sys.stderr.write(f"{printable(' '.join(line.split()))}\n")
        raise typer.Exit(1) from error


def _saved(cell: Cell, tenant: str, read: ReadFile, *, check: bool) -> SavedAll:
    wanted = _wanted(read.said)
    try:
        return saving.save(cell, tenant, wanted, check=check)
    except NotFound as error:
        if read.said.tenant is None:
            raise
        raise Unfit([Problem(("tenant",), str(error)), *saving.wrong_terms(cell, wanted)]) from error


def _content(name: str) -> bytes:
    """At most one byte more than may be read."""
    try:
        if name == STDIN:
            return sys.stdin.buffer.read(LARGEST + 1)
        with Path(name).open("rb") as opened_file:
            return opened_file.read(LARGEST + 1)
    except OSError as error:
        raise HeadgateError(f"cannot read {name}: {error.strerror}") from error


def _whose(tenant: str | None, read: ReadFile) -> str:
    if tenant is not None and read.said.tenant not in (None, tenant):
        said = f"the file is about {read.said.tenant!r}, not {tenant!r}: leave one of them out"
        raise read.located([Problem(("tenant",), said)])
    found = tenant or read.said.tenant
    if found is None:
        raise typer.BadParameter(f"name the tenant: here, or as `tenant:` in {read.name}")
    return found


def _wanted(said: TenantFile) -> Wanted:
    named = said.model_fields_set
    told: dict[str, Any] = {"tier": said.tier, "weight": said.weight}
    told["limits"] = said.limits.model_dump(exclude_unset=True)
    told["residency"] = (said.residency or ANYWHERE) if "residency" in named else None
    connections = said.connections if "connections" in named else None
    return Wanted(said.agents, connections=connections, changes=changes(**told))

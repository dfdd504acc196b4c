"""Reading what tenants hold, over all of them: one after the other, each as itself. No role need see them all."""

from collections.abc import Iterator
from typing import Annotated

import typer

from shared.cell import Cell
from shared.stores.postgres import Connection

#: The option of commands that read so.
Tenant = Annotated[str | None, typer.Option(help="Only this tenant's.")]


def tenantwise(cell: Cell, tenant: str | None) -> Iterator[tuple[str, Connection]]:
    """Each tenant by name, or this one alone, with a connection that sees its rows until the next is asked for."""
    names = [each.tenant_id for each in cell.tenants.all()] if tenant is None else [cell.tenants.get(tenant).tenant_id]
    for name in names:
        with cell.database.transaction(name) as connection:
            yield name, connection

"""Telling the gate what an operator has just changed, so that it binds at once.

Failing open, in words: the change is committed. A gate that is closed, full or away hears of it from the ledger sweep,
which tells what was changed in the last minute, from the next offer, or from its rebuild.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from producers.cli.output import console
from shared.cell import Cell
from shared.changes import tell_tenants
from shared.errors import Unavailable
from shared.gate.gate import GateClosed, GateFull
from shared.tenancy.tenants import Tenant


def tell_tenant(cell: Cell, tenant: str) -> Tenant:
    """What this tenant may do now, which is answered too."""
    told = cell.tenants.fresh(tenant)
    tell(cell, [told])
    return told


def tell(cell: Cell, tenants: Iterable[Tenant]) -> None:
    with heard_later():
        tell_tenants(cell, tenants)


@contextmanager
def heard_later() -> Iterator[None]:
    """A gate that cannot hear is no error of this command: it says so and goes on."""
    try:
        yield
    except (GateClosed, GateFull, Unavailable) as error:
        console(stderr=True).print(f"The gate learns of this later: {error}")

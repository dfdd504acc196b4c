"""Tenants by the thousand, whom no limit holds back, and one service that asks for all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg.types.json import Jsonb

from shared.cell import Cell
from shared.tenancy.owner import as_owner
from shared.tenancy.provision import Provisioning
from tests.benchmarks.gated import UNHELD
from tests.support.cells import SCOPES

#: In one statement; made long ago, so that nothing tells the gate of them by itself.
INSERT = """
INSERT INTO control.tenants (tenant_id, name, tier, limits, changed_at)
SELECT named, named, %s, %s, now() - interval '1 day' FROM unnest(%s::text[]) AS named
"""


def make_tenants(cell: Cell, names: Sequence[str], tier: str = "pro") -> None:
    with as_owner(cell.admin) as connection:
        connection.execute(INSERT, (tier, Jsonb(UNHELD), list(names)))


def make_service(cell: Cell) -> str:
    """The key of a service that may ask for everybody."""
    return Provisioning(cell.admin).create_key(service="benchmarks", acts_for=["*"], scopes=SCOPES).secret


@contextmanager
def held_back(cell: Cell, *tenants: str) -> Iterator[None]:
    """The gate starts no job of theirs before the end of this; the doors take them all the while."""
    for tenant in tenants:
        _pause(cell, tenant, paused=True)
    yield
    for tenant in tenants:
        _pause(cell, tenant, paused=False)


def _pause(cell: Cell, tenant: str, *, paused: bool) -> None:
    """As an operator does: a gate that were told more than the tenants' own rows say would send each run to look."""
    Provisioning(cell.admin).change_tenant(tenant, paused=paused)
    cell.permits.publish(cell.gate.configure(cell.tenants.fresh(tenant).configuration))

"""Tenants by the thousand, whom no limit holds back, and one service that asks for all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from psycopg.types.json import Jsonb

from shared.cell import Cell
from shared.gate.limits import Configuration
from shared.tenancy.owner import as_owner
from shared.tenancy.provision import Provisioning
from tests.benchmarks.gated import UNHELD
from tests.support.cells import SCOPES

#: In one statement; made long ago, so that nothing tells the gate of them by itself.
INSERT = """
INSERT INTO control.tenants (tenant_id, name, tier, limits, changed_at)
SELECT named, named, %s, %s, now() - interval '1 day' FROM unnest(%s::text[]) AS named
"""

#: Versions that no tenant's own configuration reaches: the benchmark's word at the gate is the last.
_above_all = count(1_000_000)


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
        _told(cell, tenant, is_open=False)
    yield
    for tenant in tenants:
        _told(cell, tenant, is_open=True)


def _told(cell: Cell, tenant: str, *, is_open: bool) -> None:
    known = cell.tenants.get(tenant).configuration
    told = Configuration.model_validate(known.model_dump() | {"version": next(_above_all), "open": is_open})
    cell.permits.publish(cell.gate.configure(told))

"""A change of a tier reaches every tenant that is on it, also one that comes to it meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.stores.postgres import Database
from shared.tenancy import tiers
from shared.tenancy.provision import Provisioning
from tests.support.cells import make_tenant
from tests.support.ledgers import await_blocked


@pytest.fixture
def another(cell: Cell) -> Iterator[Database]:
    """Another operator's way to the database."""
    with closing(Database(cell.admin._url, pool=1)) as database:
        yield database


def versions(cell: Cell) -> dict[str, int]:
    return {tenant.tenant_id: tenant.version for tenant in cell.tenants.all()}


def test_a_change_of_a_tier_is_a_new_version_of_its_tenants_and_of_no_others(cell: Cell) -> None:
    make_tenant(cell, "acme", "pro")
    make_tenant(cell, "globex", "free")
    before = versions(cell)
    tiers.change(cell.admin, "pro", weight=5)
    assert versions(cell) == before | {"acme": before["acme"] + 1}
    assert cell.tenants.get("acme").tier_weight == 5


def test_a_tenant_that_joins_a_tier_while_it_changes_is_told_what_it_gives_now(cell: Cell, another: Database) -> None:
    make_tenant(cell, "acme", "free")
    with ThreadPoolExecutor(1) as pool:
        with Provisioning(cell.admin).changing("acme", tier="pro") as joined:
            changing = pool.submit(tiers.change, another, "pro", limits={"ops": 1})
            await_blocked(cell)
        changing.result()
    found = cell.tenants.get("acme")
    assert (found.tier, found.limits.ops, found.version) == ("pro", 1, joined.version + 1)


def test_a_dedicated_lane_weighs_as_its_tier_by_the_tenants_own_weight(cell: Cell) -> None:
    make_tenant(cell, "acme", "pro")
    Provisioning(cell.admin).change_tenant("acme", weight=2.5, dedicated=[Family.TURNS])
    acme = cell.tenants.get("acme")
    assert {family: acme.lane_weight(family) for family in (Family.TURNS, Family.OPS)} == {
        Family.TURNS: 10,
        Family.OPS: 4,
    }
    assert [str(lane) for lane in cell.tenants.dedicated()] == ["turns@acme"]

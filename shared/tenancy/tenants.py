"""A tenant and its limits, as doors, workers and the gate need to know them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.contracts.kinds import Family
from shared.errors import NotFound
from shared.gate.limits import Configuration, Limits
from shared.lanes import Lane
from shared.stores.postgres import Database

#: The tenant that work of the platform itself belongs to.
PLATFORM = "platform"

COLUMNS = """
SELECT t.tenant_id, t.name, t.tier, t.status, t.version, coalesce(t.weight, 1) AS weight, t.limits AS changes,
       tier.limits, tier.weight AS tier_weight
FROM control.tenants t JOIN control.tiers tier USING (tier)
"""


@dataclass(frozen=True)
class Tenant:
    """`weight` counts among the tenants of a lane, `tier_weight` among lanes; `limits` are the tenant's own."""

    tenant_id: str
    name: str
    tier: str
    status: str
    version: int
    weight: float
    tier_weight: float
    limits: Limits

    @property
    def active(self) -> bool:
        return self.status == "active"

    @cached_property
    def configuration(self) -> Configuration:
        """What the gate is told of this tenant."""
        return Configuration(
            tenant=self.tenant_id, version=self.version, open=self.active, weight=self.weight, limits=self.limits
        )

    def lane(self, family: Family) -> str:
        """The lane where this tenant's jobs of a family wait."""
        return str(Lane(family, self.tier))


class Tenants:
    """Looks tenants up; what it knows is at most `staleness` seconds old."""

    def __init__(self, control: Database, dispatcher: Database, *, staleness: float) -> None:
        self._control, self._dispatcher, self._staleness = control, dispatcher, staleness
        self._known: dict[str, tuple[float, Tenant]] = {}

    def get(self, tenant_id: str) -> Tenant:
        until, tenant = self._known.get(tenant_id, (0.0, None))
        if tenant is None or time.monotonic() >= until:
            tenant = self._read(tenant_id)
            self._known[tenant_id] = (time.monotonic() + self._staleness, tenant)
        return tenant

    def all(self) -> Sequence[Tenant]:
        """Every tenant, as the dispatcher sees them."""
        with self._dispatcher.connection() as connection:
            return [_tenant(row) for row in connection.execute(f"{COLUMNS} ORDER BY t.tenant_id").fetchall()]

    def changed(self, within: float) -> Sequence[Tenant]:
        """The tenants that were made or changed in the last `within` seconds."""
        with self._dispatcher.connection() as connection:
            rows = connection.execute(f"{COLUMNS} WHERE t.changed_at > now() - %s * interval '1 second'", (within,))
            return [_tenant(row) for row in rows.fetchall()]

    def _read(self, tenant_id: str) -> Tenant:
        with self._control.transaction(tenant_id) as connection:
            row = connection.execute(f"{COLUMNS} WHERE t.tenant_id = %s", (tenant_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no tenant {tenant_id!r}: `headgate tenant list` shows them")
        return _tenant(row)


def _tenant(row: dict[str, Any]) -> Tenant:
    limits = Limits.model_validate(row.pop("limits")).changed(row.pop("changes"))
    return Tenant(**row, limits=limits)

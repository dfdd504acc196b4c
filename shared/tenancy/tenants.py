"""A tenant and its limits, as doors, workers and the gate need to know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

from shared import clock
from shared.contracts.kinds import Family
from shared.errors import NotFound
from shared.gate.limits import Budgets, Configuration, Limits
from shared.lanes import Lane
from shared.stores.postgres import Connection, Database

#: The tenant that work of the platform itself belongs to.
PLATFORM = "platform"

COLUMNS = """
SELECT t.tenant_id, t.name, t.tier, t.status, t.paused, t.dedicated, t.version, coalesce(t.weight, 1) AS weight,
       t.limits AS changes, t.budgets AS own_budgets, tier.limits, tier.weight AS tier_weight, tier.budgets,
       t.residency, tier.models
FROM control.tenants t JOIN control.tiers tier USING (tier)
"""


@dataclass(frozen=True)
class Tenant:
    """`weight` counts among the tenants of a lane, `tier_weight` among lanes.

    Limits and budgets are the tenant's own where it has any, one by one, and its tier's otherwise. `residency` is the
    region that its words may not leave (None: they may go anywhere), `models` are those that its tier lets its agents
    use (None: all).
    """

    tenant_id: str
    name: str
    tier: str
    status: str
    paused: bool
    dedicated: frozenset[Family]
    version: int
    weight: float
    tier_weight: float
    limits: Limits
    budgets: Budgets
    residency: str | None = None
    models: frozenset[str] | None = None

    @property
    def active(self) -> bool:
        return self.status == "active"

    @cached_property
    def configuration(self) -> Configuration:
        """What the gate is told of this tenant."""
        return Configuration(
            tenant=self.tenant_id,
            version=self.version,
            open=self.active,
            weight=self.weight,
            limits=self.limits,
            budgets=self.budgets,
            paused=self.paused,
        )

    def lane(self, family: Family) -> str:
        """The lane where this tenant's new jobs of a family wait."""
        return str(Lane(family, tenant=self.tenant_id) if family in self.dedicated else Lane(family, self.tier))

    def lane_weight(self, family: Family) -> float:
        """Of that lane beside others. One of its own weighs what its tier's does, as often as the tenant's weight."""
        return self.tier_weight * self.weight if family in self.dedicated else self.tier_weight


class Tenants:
    """Looks tenants up; what it knows is at most `staleness` seconds old."""

    def __init__(self, control: Database, dispatcher: Database, *, staleness: float) -> None:
        self._control, self._dispatcher, self._staleness = control, dispatcher, staleness
        self._known: dict[str, tuple[float, Tenant]] = {}

    def get(self, tenant_id: str) -> Tenant:
        until, tenant = self._known.get(tenant_id, (0.0, None))
        if tenant is None or clock.monotonic() >= until:
            tenant = self._read(tenant_id)
            self._known[tenant_id] = (clock.monotonic() + self._staleness, tenant)
        return tenant

    def at_least(self, tenant_id: str, version: int) -> Tenant:
        """The tenant as of this version, or later: what somebody else was told is not missed here."""
        known = self.get(tenant_id)
        return known if known.version >= version else self.fresh(tenant_id)

    def fresh(self, tenant_id: str) -> Tenant:
        """The tenant as it is now."""
        self._known.pop(tenant_id, None)
        return self.get(tenant_id)

    def all(self) -> Sequence[Tenant]:
        """Every tenant, as the dispatcher sees them."""
        return self._found("TRUE")

    def of_tier(self, tier: str) -> Sequence[Tenant]:
        return self._found("t.tier = %s", tier)

    def changed(self, within: float) -> Sequence[Tenant]:
        """The tenants that were made or changed in the last `within` seconds."""
        return self._found("t.changed_at > now() - %s * interval '1 second'", within)

    def dedicated(self) -> Sequence[Lane]:
        """The lanes that tenants have of their own."""
        having = self._found("t.dedicated <> '{}'")
        return [Lane(family, tenant=tenant.tenant_id) for tenant in having for family in sorted(tenant.dedicated)]

    def _found(self, condition: LiteralString, *values: object) -> Sequence[Tenant]:
        with self._dispatcher.connection() as connection:
            rows = connection.execute(f"{COLUMNS} WHERE {condition} ORDER BY t.tenant_id", values)
            return [_tenant(row) for row in rows.fetchall()]

    def _read(self, tenant_id: str) -> Tenant:
        with self._control.transaction(tenant_id) as connection:
            return read(connection, tenant_id)


def read(connection: Connection, tenant_id: str) -> Tenant:
    """The tenant as this transaction sees it; `NotFound`."""
    row = connection.execute(f"{COLUMNS} WHERE t.tenant_id = %s", (tenant_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id!r}: `headgate tenant list` shows them")
    return _tenant(row)


def _tenant(row: dict[str, Any]) -> Tenant:
    limits = Limits.model_validate(row.pop("limits")).changed(row.pop("changes"))
    budgets = Budgets.model_validate(row.pop("budgets") | row.pop("own_budgets"))
    dedicated = frozenset(Family(name) for name in row.pop("dedicated"))
    models = row.pop("models")
    allowed = None if models is None else frozenset(models)
    return Tenant(**row, limits=limits, budgets=budgets, dedicated=dedicated, models=allowed)

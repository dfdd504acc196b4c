"""Setting budgets of a tenant or a tier, and clearing them: a tenant's own come before its tier's, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, LiteralString

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from shared.errors import HeadgateError, NotFound
from shared.gate.limits import Budgets
from shared.invalid import first_wrong
from shared.stores.postgres import Connection, Database
from shared.tenancy.owner import as_owner
from shared.tenancy.tiers import RAISE_VERSIONS

#: A tenant's row is locked; its tier's is shared, so that what is checked against it is what it gives.
OF_TENANT = """
SELECT t.budgets AS own, tier.budgets AS given FROM control.tenants t JOIN control.tiers tier USING (tier)
WHERE t.tenant_id = %s FOR UPDATE OF t FOR SHARE OF tier
"""

OF_TIER = "SELECT budgets AS own, '{}'::jsonb AS given FROM control.tiers WHERE tier = %s FOR UPDATE"

#: Every change raises the version, so that the gate keeps the newest.
SET_OF_TENANT = """
UPDATE control.tenants SET budgets = %s, version = version + 1, changed_at = now() WHERE tenant_id = %s
"""

SET_OF_TIER = "UPDATE control.tiers SET budgets = %s WHERE tier = %s"


@dataclass(frozen=True)
class Change:
    """What to change of budgets. `limits` in tokens or nano-dollars; each is hard unless it is among the `soft`.

    A budget that is made soft, or hard, keeps its limit; one that is cleared is the tier's again, or none.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    soft: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()
    over: Literal["wait", "deny"] | None = None

    def applied(self, own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """One's own budgets after the change, where the tier gives `given`."""
        if strangers := self.clear - own.keys():
            raise HeadgateError(f"there is no {', '.join(sorted(strangers))} to clear: it is not set here")
        made = {name: value for name, value in own.items() if name not in self.clear}
        made |= {name: {"limit": limit, "hard": name not in self.soft} for name, limit in self.limits.items()}
        for name in sorted(self.soft - self.limits.keys()):
            if name not in (present := {**given, **made}):
                raise HeadgateError(f"there is no {name} to make soft: set its limit too")
            made[name] = present[name] | {"hard": False}
        return made | ({"over": self.over} if self.over else {})


def change_tenant(admin: Database, tenant: str, change: Change) -> None:
    """The gate must be told afterwards."""
    with as_owner(admin) as connection:
        _change(connection, OF_TENANT, SET_OF_TENANT, tenant, change, what="tenant")


def change_tier(admin: Database, tier: str, change: Change) -> None:
    """The gate must be told of all its tenants afterwards."""
    with as_owner(admin) as connection:
        _change(connection, OF_TIER, SET_OF_TIER, tier, change, what="tier")
        connection.execute(RAISE_VERSIONS, (tier,))


def _change(
    connection: Connection, read: LiteralString, write: LiteralString, name: str, change: Change, *, what: str
) -> None:
    row = connection.execute(read, (name,)).fetchone()
    if row is None:
        raise NotFound(f"there is no {what} {name!r}: `headgate {what} list` shows them")
    made = change.applied(row["own"], row["given"])
    try:
        Budgets.model_validate({**row["given"], **made})
    except ValidationError as error:
        wrong = first_wrong(error)
        raise HeadgateError(f"the budget {wrong.place[0]} cannot be that: {wrong.said.lower()}") from error
    connection.execute(write, (Jsonb(made), name))

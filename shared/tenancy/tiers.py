"""The plans there are, and changing one: every tenant of a tier has what the tier gives, but for what is its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from shared.errors import HeadgateError, NotFound
from shared.gate.limits import Limits
from shared.invalid import first_wrong
from shared.stores.postgres import Connection, Database, one
from shared.tenancy.owner import as_owner

TIERS = """
SELECT tier, weight, limits, models, (SELECT count(*) FROM control.tenants WHERE tenants.tier = tiers.tier) AS tenants
FROM control.tiers ORDER BY weight DESC, tier
"""

#: Shared with others that put tenants on the tier; a change of the tier waits for them, and they for it, so that no
#: tenant is told what its tier gave before.
LIMITS = "SELECT limits FROM control.tiers WHERE tier = %s FOR SHARE"

SOME_LIMITS = "SELECT limits FROM control.tiers ORDER BY tier LIMIT 1"

CHANGE = """
UPDATE control.tiers SET weight = coalesce(%(weight)s, weight), limits = jsonb_strip_nulls(limits || %(limits)s),
       models = CASE WHEN NOT %(any_model)s THEN coalesce(%(models)s::text[], models) END
WHERE tier = %(tier)s RETURNING limits
"""

#: The gate keeps the newest of what it is told of a tenant.
RAISE_VERSIONS = "UPDATE control.tenants SET version = version + 1, changed_at = now() WHERE tier = %s"


@dataclass(frozen=True)
class Tier:
    """`weight` counts among lanes; `limits` hold for tenants that have none of their own; `tenants` are on it.

    `models` are those that its tenants' agents may use; None: all.
    """

    tier: str
    weight: float
    limits: dict[str, int]
    models: Sequence[str] | None
    tenants: int


def names(control: Database) -> Sequence[str]:
    """Every tier's name, the weightiest first."""
    with control.connection() as connection:
        rows = connection.execute("SELECT tier FROM control.tiers ORDER BY weight DESC, tier").fetchall()
    return [row["tier"] for row in rows]


def every(dispatcher: Database) -> Sequence[Tier]:
    """The tiers, the weightiest first."""
    with dispatcher.connection() as connection, connection.cursor(row_factory=class_row(Tier)) as cursor:
        return cursor.execute(TIERS).fetchall()


def change(
    admin: Database,
    tier: str,
    *,
    weight: float | None = None,
    limits: Mapping[str, int | None] | None = None,
    models: Collection[str] = (),
    any_model: bool = False,
) -> None:
    """Change what is given, for all tenants of the tier; the rest stays. A limit of None is what it is by default."""
    changes: dict[str, Any] = {"tier": tier, "weight": weight, "limits": Jsonb(limits or {})}
    changes |= {"models": sorted(set(models)) or None, "any_model": any_model}
    with as_owner(admin) as connection:
        row = connection.execute(CHANGE, changes).fetchone()
        if row is None:
            raise _unknown(connection, tier)
        _validate(row["limits"], limits or {})
        connection.execute(RAISE_VERSIONS, (tier,))


def check(connection: Connection, tier: str | None, limits: Mapping[str, int | None]) -> None:
    """Refuse a tier that is not there, and what can be no limits of a tenant."""
    row = connection.execute(LIMITS, (tier,)).fetchone() if tier else one(connection, SOME_LIMITS)
    if row is None:
        raise _unknown(connection, str(tier))
    _validate(row["limits"] | {name: number for name, number in limits.items() if number is not None}, limits)


def _validate(limits: Mapping[str, Any], changes: Mapping[str, int | None]) -> None:
    if unknown := set(changes) - set(Limits.model_fields):
        known = ", ".join(Limits.model_fields)
        raise HeadgateError(f"there is no limit {', '.join(sorted(unknown))}: limits are {known}")
    try:
        Limits.model_validate(limits)
    except ValidationError as error:
        wrong = first_wrong(error)
        raise HeadgateError(f"the limit {wrong.place[0]} cannot be that: {wrong.said.lower()}") from error


def _unknown(connection: Connection, tier: str) -> NotFound:
    known = ", ".join(row["tier"] for row in connection.execute("SELECT tier FROM control.tiers ORDER BY weight"))
    return NotFound(f"there is no tier {tier!r}: tiers are {known}")

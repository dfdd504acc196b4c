"""Making and changing tenants and keys: the operator's side, through the admin's database URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError

from shared import ids
from shared.contracts.envelope import TenantId
from shared.contracts.kinds import Scope
from shared.errors import HeadgateError, NotFound
from shared.gate.limits import Limits
from shared.stores.postgres import Connection, Database
from shared.stores.roles import OWNER
from shared.tenancy import access

TENANT_ID: TypeAdapter[str] = TypeAdapter(TenantId)

#: Every change raises the version, so that the gate keeps the newest.
CHANGE = """
UPDATE control.tenants SET tier = coalesce(%(tier)s, tier), weight = coalesce(%(weight)s, weight),
       limits = limits || %(limits)s, status = coalesce(%(status)s, status), version = version + 1, changed_at = now()
WHERE tenant_id = %(tenant)s RETURNING limits
"""

INSERT_KEY = """
INSERT INTO control.api_keys (key_id, key_hash, principal, tenant_id, acts_for, scopes, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

KEYS = """
SELECT key_id, principal, tenant_id, acts_for, scopes, created_at, expires_at, revoked_at FROM control.api_keys
WHERE %(tenant)s::text IS NULL OR tenant_id = %(tenant)s ORDER BY created_at
"""


class AlreadyThere(HeadgateError):  # noqa: N818 - it names what was found
    """Something by that name exists."""


@dataclass(frozen=True)
class NewKey:
    """A key just made; `secret` is shown once and kept nowhere."""

    key_id: str
    secret: str
    principal: str


class Provisioning:
    def __init__(self, admin: Database) -> None:
        self._admin = admin

    def create_tenant(self, tenant: str, *, name: str, tier: str, limits: dict[str, int] | None = None) -> None:
        _checked_name(tenant)
        with self._as_owner() as connection:
            _checked_limits(connection, tier, limits or {})
            try:
                connection.execute(
                    "INSERT INTO control.tenants (tenant_id, name, tier, limits) VALUES (%s, %s, %s, %s)",
                    (tenant, name, tier, Jsonb(limits or {})),
                )
            except psycopg.errors.UniqueViolation as error:
                raise AlreadyThere(f"there is a tenant {tenant!r} already") from error

    def change_tenant(
        self,
        tenant: str,
        *,
        tier: str | None = None,
        weight: float | None = None,
        limits: dict[str, int] | None = None,
        status: str | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        changes = {"tenant": tenant, "tier": tier, "weight": weight, "status": status, "limits": Jsonb(limits or {})}
        with self._as_owner() as connection:
            if tier is not None or limits:
                _checked_limits(connection, tier, limits or {})
            if connection.execute(CHANGE, changes).fetchone() is None:
                raise NotFound(f"there is no tenant {tenant!r}: `headgate tenant list` shows them")

    def create_key(
        self,
        *,
        scopes: list[str],
        tenant: str | None = None,
        service: str | None = None,
        acts_for: list[str] | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """A key of a tenant, or of a service that acts for the tenants named (`*`: for all)."""
        unknown = set(scopes) - set(Scope)
        if unknown or not scopes:
            raise HeadgateError(f"scopes are {', '.join(Scope)}, not {', '.join(sorted(unknown)) or 'none'}")
        principal = tenant or service or ""
        _checked_name(principal)
        secret, key_id = access.PREFIX + ids.token(), f"key-{ids.token(6)}"
        values = (key_id, access.hash_of(secret), principal, tenant, acts_for or [], scopes, expires_at)
        with self._as_owner() as connection:
            try:
                connection.execute(INSERT_KEY, values)
            except psycopg.errors.ForeignKeyViolation as error:
                raise NotFound(f"there is no tenant {tenant!r}: `headgate tenant list` shows them") from error
            except psycopg.errors.CheckViolation as error:
                raise HeadgateError("a key belongs to a tenant, or to a service and the tenants it acts for") from error
        return NewKey(key_id, secret, principal)

    def revoke_key(self, key_id: str) -> None:
        with self._as_owner() as connection:
            revoked = connection.execute(
                "UPDATE control.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %s", (key_id,)
            )
            if revoked.rowcount == 0:
                raise NotFound(f"there is no key {key_id!r}: `headgate key list` shows them")

    def keys(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Every key, without its secret."""
        with self._as_owner() as connection:
            return connection.execute(KEYS, {"tenant": tenant}).fetchall()

    @contextmanager
    def _as_owner(self) -> Iterator[Connection]:
        with self._admin.transaction() as connection:
            connection.execute(f"SET LOCAL ROLE {OWNER}")
            yield connection


def _checked_name(name: str) -> None:
    try:
        TENANT_ID.validate_python(name)
    except ValidationError as error:
        raise HeadgateError(f"{name!r} is no name: use lower-case letters, digits and '-', at most 63") from error


def _checked_limits(connection: Connection, tier: str | None, changes: dict[str, int]) -> None:
    row = connection.execute(
        "SELECT limits FROM control.tiers WHERE %(tier)s::text IS NULL OR tier = %(tier)s LIMIT 1", {"tier": tier}
    ).fetchone()
    if row is None:
        tiers = ", ".join(row["tier"] for row in connection.execute("SELECT tier FROM control.tiers ORDER BY weight"))
        raise NotFound(f"there is no tier {tier!r}: tiers are {tiers}")
    try:
        Limits.model_validate(row["limits"]).changed(changes)
    except ValidationError as error:
        raise HeadgateError(f"limits are whole numbers named {', '.join(Limits.model_fields)}: {error}") from error

"""Making and changing tenants and keys: the operator's side, through the admin's database URL."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast

import psycopg
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError

from shared import ids
from shared.contracts.envelope import TenantId
from shared.contracts.kinds import Family, Scope
from shared.errors import HeadgateError, NotFound
from shared.stores.postgres import Database
from shared.tenancy import access, tiers
from shared.tenancy.owner import as_owner
from shared.tenancy.tenants import Tenant, read

TENANT_ID: TypeAdapter[str] = TypeAdapter(TenantId)

INSERT = "INSERT INTO control.tenants (tenant_id, name, tier, limits) VALUES (%s, %s, %s, jsonb_strip_nulls(%s))"

#: Gives a residency up: words may go anywhere.
ANYWHERE = "none"

#: Every change raises the version, so that the gate keeps the newest. A limit of null is the tier's again.
CHANGE = """
UPDATE control.tenants SET tier = coalesce(%(tier)s, tier), weight = coalesce(%(weight)s, weight),
       limits = jsonb_strip_nulls(limits || %(limits)s), status = coalesce(%(status)s, status),
       paused = coalesce(%(paused)s, paused), version = version + 1, changed_at = now(),
       residency = nullif(coalesce(%(residency)s, residency), 'none'),
       dedicated = ARRAY(SELECT unnest(dedicated || %(dedicated)s::text[]) EXCEPT SELECT unnest(%(shared)s::text[]))
WHERE tenant_id = %(tenant)s
"""

INSERT_KEY = """
INSERT INTO control.api_keys (key_id, key_hash, principal, tenant_id, acts_for, scopes, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

KEYS = """
SELECT key_id, principal, tenant_id, acts_for, scopes, created_at, expires_at, revoked_at FROM control.api_keys
WHERE %(tenant)s::text IS NULL OR tenant_id = %(tenant)s ORDER BY created_at
"""

#: Reply queues and streams are called after a principal, so a tenant and a service of one name would share theirs.
TENANT_SO_CALLED = "SELECT FROM control.tenants WHERE tenant_id = %s"
SERVICE_SO_CALLED = "SELECT FROM control.api_keys WHERE principal = %s AND tenant_id IS NULL LIMIT 1"

#: The principal of the command line, after whom its reply queues and streams are called.
OPERATOR = "operator"


class AlreadyThere(HeadgateError):  # noqa: N818 - it names what was found
    """Something by that name exists."""


@dataclass(frozen=True)
class NewKey:
    """A key just made; `secret` is shown once and kept nowhere."""

    key_id: str
    secret: str
    principal: str


class Changes(TypedDict, total=False):
    """What may be changed of a tenant. None stays as it is, and so does what is not given.

    A limit of None is the tier's again. `dedicated` families get a lane of the tenant's own, `shared` ones go back to
    the tier's; jobs that wait stay in the lane they wait in.
    """

    tier: str | None
    weight: float | None
    limits: Mapping[str, int | None]
    status: str | None
    paused: bool | None
    #: A region; `ANYWHERE` gives it up.
    residency: str | None
    dedicated: Collection[Family]
    shared: Collection[Family]


def changes(**said: Any) -> Changes:
    """Of what may be changed, what is said: neither None nor empty."""
    return cast(Changes, {name: value for name, value in said.items() if value or value is False})


class Provisioning:
    def __init__(self, admin: Database) -> None:
        self._admin = admin

    def create_tenant(
        self, tenant: str, *, name: str, tier: str, limits: Mapping[str, int | None] | None = None
    ) -> None:
        with self.creating(tenant, name=name, tier=tier, limits=limits):
            pass

    @contextmanager
    def creating(
        self, tenant: str, *, name: str, tier: str, limits: Mapping[str, int | None] | None = None
    ) -> Iterator[Tenant]:
        """The tenant, to be there when what is done with it has come to a good end."""
        _checked_name(tenant)
        with as_owner(self._admin) as connection:
            tiers.check(connection, tier, limits or {})
            if connection.execute(SERVICE_SO_CALLED, (tenant,)).fetchone() is not None:
                raise AlreadyThere(f"{tenant!r} is a service, which has keys: use another name")
            try:
                connection.execute(INSERT, (tenant, name, tier, Jsonb(limits or {})))
            except psycopg.errors.UniqueViolation as error:
                raise AlreadyThere(f"there is a tenant {tenant!r} already") from error
            yield read(connection, tenant)

    def change_tenant(self, tenant: str, **told: Unpack[Changes]) -> None:
        """Change what is given; the rest stays. The gate must be told afterwards."""
        with self.changing(tenant, **told):
            pass

    @contextmanager
    def changing(self, tenant: str, **told: Unpack[Changes]) -> Iterator[Tenant]:
        """The tenant as it will be, if what is done with it meanwhile comes to a good end."""
        named = changes(**told)
        values: dict[str, Any] = dict.fromkeys(("tier", "weight", "status", "paused", "residency"))
        values |= {"limits": {}, "dedicated": (), "shared": ()} | named | {"tenant": tenant}
        values |= {"limits": Jsonb(values["limits"])} | {name: list(values[name]) for name in ("dedicated", "shared")}
        with as_owner(self._admin) as connection:
            if "tier" in named or "limits" in named:
                tiers.check(connection, named.get("tier"), named.get("limits", {}))
            if named:
                connection.execute(CHANGE, values)
            yield read(connection, tenant)

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
        with as_owner(self._admin) as connection:
            if tenant is None and connection.execute(TENANT_SO_CALLED, (principal,)).fetchone() is not None:
                raise AlreadyThere(f"{principal!r} is a tenant: use another name for the service")
            try:
                connection.execute(INSERT_KEY, values)
            except psycopg.errors.ForeignKeyViolation as error:
                raise NotFound(f"there is no tenant {tenant!r}: `headgate tenant list` shows them") from error
            except psycopg.errors.CheckViolation as error:
                raise HeadgateError("a key belongs to a tenant, or to a service and the tenants it acts for") from error
        return NewKey(key_id, secret, principal)

    def revoke_key(self, key_id: str) -> None:
        with as_owner(self._admin) as connection:
            revoked = connection.execute(
                "UPDATE control.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %s", (key_id,)
            )
            if revoked.rowcount == 0:
                raise NotFound(f"there is no key {key_id!r}: `headgate key list` shows them")

    def keys(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Every key, without its secret."""
        with as_owner(self._admin) as connection:
            return connection.execute(KEYS, {"tenant": tenant}).fetchall()


def _checked_name(name: str) -> None:
    try:
        TENANT_ID.validate_python(name)
    except ValidationError as error:
        raise HeadgateError(f"{name!r} is no name: use lower-case letters, digits and '-', at most 63") from error
    if name == OPERATOR:
        raise HeadgateError(f"{name!r} is whoever works at the command line: use another name")

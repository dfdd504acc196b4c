"""A tenant's own keys, for model providers and for what its tools reach.

A key's secret is stored sealed (`shared.tenancy.vault`) and is read when it is used, in a transaction that sees this
tenant's rows alone: so a key that is revoked is worthless from the next call on, and another tenant's name of a key
names nothing. Revoking destroys the secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from pydantic import SecretStr, TypeAdapter, ValidationError

from shared import ids
from shared.contracts.payloads import Name
from shared.errors import HeadgateError, NotFound
from shared.providers import SECRET
from shared.stores.postgres import Connection
from shared.tenancy.vault import Vault

NAME: TypeAdapter[str] = TypeAdapter(Name)

#: Last characters that are shown of a secret, and how long one must be for that to tell little of it.
SHOWN, LONG = 4, 16

#: A name that was revoked may be given again.
ADD = """
INSERT INTO tenant.credentials AS held (tenant_id, credential, label, sealed, ends_in) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, credential) DO UPDATE
SET label = excluded.label, sealed = excluded.sealed, ends_in = excluded.ends_in, created_at = now(), revoked_at = NULL
WHERE held.revoked_at IS NOT NULL
RETURNING true
"""

ALL = """
SELECT credential, label, ends_in, created_at, revoked_at FROM tenant.credentials WHERE tenant_id = %s
ORDER BY created_at, credential
"""

#: One that was revoked stays so, and keeps the moment.
REVOKED = "SELECT FROM tenant.credentials WHERE tenant_id = %s AND credential = %s AND revoked_at IS NOT NULL"

REVOKE = """
UPDATE tenant.credentials SET revoked_at = now(), sealed = '' WHERE tenant_id = %s AND credential = %s
  AND revoked_at IS NULL
RETURNING true
"""

SEALED = "SELECT sealed FROM tenant.credentials WHERE tenant_id = %s AND credential = %s AND revoked_at IS NULL"


@dataclass(frozen=True)
class Credential:
    """A key without its secret, of which `ends_in` shows the end."""

    credential: str
    label: str
    ends_in: str
    created_at: datetime
    revoked_at: datetime | None


def add(
    connection: Connection, vault: Vault, tenant: str, secret: SecretStr, *, label: str, name: str | None = None
) -> str:
    """Seal and store a key of the tenant's; answers its name, made up where none is given."""
    told = secret.get_secret_value()
    if not SECRET.fullmatch(told):
        raise HeadgateError("that is no key: it must be one line of visible characters, 4,096 at most")
    name = _checked(name) if name else f"key-{ids.token(6).replace('_', '-')}"
    sealed = vault.seal(connection, tenant, _place(name), told)
    ends_in = told[-SHOWN:] if len(told) >= LONG else ""
    if connection.execute(ADD, (tenant, name, label, sealed, ends_in)).fetchone() is None:
        raise HeadgateError(f"tenant {tenant!r} has a credential {name!r}: revoke it first, or give this another name")
    return name


def every(connection: Connection, tenant: str) -> Sequence[Credential]:
    """The tenant's keys, the oldest first; those that were revoked too."""
    with connection.cursor(row_factory=class_row(Credential)) as cursor:
        return cursor.execute(ALL, (tenant,)).fetchall()


def revoke(connection: Connection, tenant: str, name: str) -> None:
    """Make a key worthless from the next call on, and destroy its secret."""
    if connection.execute(REVOKE, (tenant, name)).fetchone() is not None:
        return
    if connection.execute(REVOKED, (tenant, name)).fetchone() is not None:
        raise HeadgateError(f"credential {name!r} of tenant {tenant!r} is revoked already")
    raise _unknown(tenant, name)


def secret(connection: Connection, vault: Vault, tenant: str, name: str) -> SecretStr:
    """The key itself, to be used now; `NotFound` where this tenant has no such key, or not any more."""
    row = connection.execute(SEALED, (tenant, name)).fetchone()
    if row is None:
        raise _unknown(tenant, name)
    return SecretStr(vault.open(connection, tenant, _place(name), bytes(row["sealed"])))


def _place(name: str) -> str:
    return f"credentials.sealed/{name}"


def _checked(name: str) -> str:
    try:
        return NAME.validate_python(name)
    except ValidationError as error:
        raise HeadgateError(
            f"{name!r} cannot be a credential's name: letters, digits, `.`, `_`, `:`, `@`, `-`"
        ) from error


def _unknown(tenant: str, name: str) -> NotFound:
    return NotFound(f"tenant {tenant!r} has no credential {name!r}: `headgate credential list {tenant}` shows them")

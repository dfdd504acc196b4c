"""API keys: who is calling, for whom, and what they may ask for.

A key is shown once, at its making; what is stored is its SHA-256 (a key is 32 random bytes, so there is nothing to
guess and no need of a slow hash). A resolved key is remembered for `staleness` seconds, which is how long a revocation
may take to reach every door.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import clock
from shared.contracts.kinds import Scope
from shared.errors import HeadgateError
from shared.stores.postgres import Database

#: What every key begins with, so that one is recognised where it should not stand.
PREFIX = "hg_"

#: Most keys remembered by a process, forged ones included: bounds its memory.
REMEMBERED = 10_000


class Unauthenticated(HeadgateError):  # noqa: N818 - named for the caller's state
    """The key is missing, unknown, expired or revoked."""


class Forbidden(HeadgateError):  # noqa: N818 - as above
    """The key is good but does not cover this."""


@dataclass(frozen=True)
class Principal:
    """Who is calling: a tenant, or a service that acts for the tenants named (`*`: for all)."""

    name: str
    tenant: str | None
    acts_for: frozenset[str]
    scopes: frozenset[str]

    def acting_for(self, tenant: str | None) -> str:
        """The tenant this call is for; refuses one that the key may not act for."""
        if self.tenant is not None:
            if tenant not in (None, self.tenant):
                raise Forbidden(f"this key belongs to another tenant than {tenant!r}: leave `tenantid` out")
            return self.tenant
        if tenant is None:
            raise Forbidden("this key acts for several tenants: name one in `tenantid`")
        if not self.acts_for & {"*", tenant}:
            raise Forbidden(f"this key may not act for {tenant!r}")
        return tenant

    def demand(self, scope: Scope) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"this key lacks the scope {scope.value!r}: `headgate key create` makes one that has it")


@dataclass(frozen=True)
class _Known:
    principal: Principal | None
    expires_at: datetime | None
    until: float


class Access:
    """Resolves keys."""

    def __init__(self, control: Database, *, staleness: float) -> None:
        self._control, self._staleness = control, staleness
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def resolve(self, key: str | None) -> Principal:
        """Whose key this is; `Unauthenticated` says why it is nobody's."""
        if not key or not key.startswith(PREFIX):
            raise Unauthenticated(f"send an API key ({PREFIX}…) in `authorization`")
        known = self._lookup(hash_of(key))
        if known.principal is None or (known.expires_at and known.expires_at <= clock.now()):
            raise Unauthenticated("this API key is unknown, expired or revoked: create one with `headgate key create`")
        return known.principal

    def _lookup(self, hashed: bytes) -> _Known:
        known = self._known.get(hashed)
        if known is None or known.until <= clock.monotonic():
            known = self._read(hashed)
            self._known[hashed] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _read(self, hashed: bytes) -> _Known:
        with self._control.connection() as connection:
            row = connection.execute("SELECT * FROM control.resolve_key(%s)", (hashed,)).fetchone()
        until = clock.monotonic() + self._staleness
        if row is None or row["revoked_at"] is not None:
            return _Known(None, None, until)
        return _Known(_principal(row), row["expires_at"], until)


def hash_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _principal(row: dict[str, Any]) -> Principal:
    return Principal(row["principal"], row["tenant_id"], frozenset(row["acts_for"]), frozenset(row["scopes"]))

"""The vault: what tenants entrust to Headgate is stored sealed, each tenant's under a key of its own.

A tenant's data key is made at random when it is first needed, and stored sealed by a master key of the platform's. So
changing the master key rewraps one row a tenant and touches no secret, and whoever forgets a data key forgets, in
backups too, all that it sealed. Sealing is AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D; far fewer than
2^32 secrets a key), and what is sealed is bound to its tenant and its place: a row that somebody copies to another
tenant, or to another column, does not open.

Its weakness: whoever has a master key and the database has the secrets.
"""

import hashlib
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from shared.errors import ConfigurationError, HeadgateError
from shared.stores.postgres import Connection

#: Bytes of a key: AES-256.
KEY_BYTES = 32

#: Bytes of a nonce, as GCM wants it.
NONCE_BYTES = 12

#: Stands before what is sealed, so that another way of sealing may come beside this one.
VERSION = b"\x01"

#: Hex digits by which a master key is known: 64 bits of its hash, which tell nothing of it.
FINGERPRINT_DIGITS = 16

#: Where the data key itself is, as it is bound to its place.
DATA_KEY = "data_keys.sealed"

FIND = "SELECT sealed, master_key FROM tenant.data_keys WHERE tenant_id = %s"

#: Of two that are made at once, the first stays.
KEEP = "INSERT INTO tenant.data_keys (tenant_id, sealed, master_key) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"

REWRAP = "UPDATE tenant.data_keys SET sealed = %s, master_key = %s WHERE tenant_id = %s AND master_key = %s"


class VaultClosed(HeadgateError):  # noqa: N818 - it names a state of the world, not a mistake
    """What is sealed cannot be opened here: its master key is not among those set, or it is not what was sealed."""


@dataclass(frozen=True)
class Wrapped:
    """A tenant's data key as it is stored; `master_key` is the fingerprint of the one that opens it."""

    sealed: bytes
    master_key: str


class Vault:
    """Opens with any of the master keys, seals with the first. Without any, it says so when it is first needed."""

    def __init__(self, master_keys: SecretStr | None) -> None:
        self._told = master_keys

    def seal(self, connection: Connection, tenant: str, place: str, secret: str) -> bytes:
        """The secret as it may be stored at this place (`table.column/row`); in a transaction bound to the tenant."""
        key = self._unwrapped(tenant, self._found(connection, tenant) or self._made(connection, tenant))
        return _sealed(key, f"{tenant}/{place}", secret.encode())

    def open(self, connection: Connection, tenant: str, place: str, sealed: bytes) -> str:
        """What was sealed for this tenant and this place; `VaultClosed` where it is anything else."""
        wrapped = self._found(connection, tenant)
        if wrapped is None:
            raise VaultClosed(f"tenant {tenant!r} has no data key: what was sealed with it is forgotten")
        return _opened(self._unwrapped(tenant, wrapped), f"{tenant}/{place}", sealed).decode()

    def rewrap(self, connection: Connection, tenant: str) -> bool:
        """Seal the tenant's data key with the first master key; False where it is already, or there is none."""
        wrapped = self._found(connection, tenant)
        if wrapped is None or wrapped.master_key == self._first:
            return False
        anew = self._wrapped(tenant, self._unwrapped(tenant, wrapped))
        connection.execute(REWRAP, (anew.sealed, anew.master_key, tenant, wrapped.master_key))
        return True

    @cached_property
    def _keys(self) -> dict[str, bytes]:
        """The master keys by fingerprint, in their order."""
        if self._told is None:
            raise ConfigurationError(
                "no master key to seal tenants' secrets with: set HEADGATE_MASTER_KEYS "
                f"(`openssl rand -base64 {KEY_BYTES}` makes one), for commands and workers alike"
            )
        keys = [_key(told) for told in self._told.get_secret_value().split(",")]
        return {fingerprint(key): key for key in keys}

    @property
    def _first(self) -> str:
        return next(iter(self._keys))

    def _found(self, connection: Connection, tenant: str) -> Wrapped | None:
        row = connection.execute(FIND, (tenant,)).fetchone()
        return Wrapped(bytes(row["sealed"]), row["master_key"]) if row else None

    def _made(self, connection: Connection, tenant: str) -> Wrapped:
        made = self._wrapped(tenant, secrets.token_bytes(KEY_BYTES))
        connection.execute(KEEP, (tenant, made.sealed, made.master_key))
        return self._found(connection, tenant) or made

    def _wrapped(self, tenant: str, key: bytes) -> Wrapped:
        return Wrapped(_sealed(self._keys[self._first], f"{tenant}/{DATA_KEY}", key), self._first)

    def _unwrapped(self, tenant: str, wrapped: Wrapped) -> bytes:
        master = self._keys.get(wrapped.master_key)
        if master is None:
            raise VaultClosed(
                f"the secrets of tenant {tenant!r} are sealed with master key {wrapped.master_key}, which is not set "
                "here: add it to HEADGATE_MASTER_KEYS"
            )
        return _opened(master, f"{tenant}/{DATA_KEY}", wrapped.sealed)


def fingerprint(key: bytes) -> str:
    """By which a master key is known."""
    return hashlib.sha256(b"headgate master key" + key).hexdigest()[:FINGERPRINT_DIGITS]


def _key(told: str) -> bytes:
    try:
        key = b64decode(told.strip(), validate=True)
    except NotBase64 as error:
        raise ConfigurationError("HEADGATE_MASTER_KEYS is not set right: a key is not base64") from error
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"HEADGATE_MASTER_KEYS is not set right: a key has {len(key)} bytes, not {KEY_BYTES}")
    return key


def _sealed(key: bytes, bound_to: str, content: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, content, bound_to.encode())


def _opened(key: bytes, bound_to: str, sealed: bytes) -> bytes:
    nonce, content = sealed[len(VERSION) :][:NONCE_BYTES], sealed[len(VERSION) + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, content, bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise VaultClosed(f"what is stored at {bound_to} is not what was sealed there") from error

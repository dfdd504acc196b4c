"""What was answered once and may be answered again: responses, embeddings of queries, passages found.

A value is a row of its tenant, so row-level security keeps it from all others and the tenant's end takes it along. It
is found only under a key made from all that it depends on, versions of agents and knowledge among it: what has changed
makes another key, and nothing need be thrown away for it. What is not asked for any more goes when its time is over, or
where a tenant keeps too much (`workers.upkeep.prune`).
"""

import hashlib
from typing import Any, Literal

import orjson

from shared.stores.postgres import Connection

CacheKind = Literal["response", "embedding", "retrieval"]

#: Bytes of a value as JSON; what is larger is not kept. A vector of 1,536 has some 8,000, five passages 6,000.
LARGEST = 65_536

GET = "SELECT value FROM tenant.cached WHERE tenant_id = %s AND kind = %s AND key = %s AND expires_at > now()"

PUT = """
INSERT INTO tenant.cached (tenant_id, kind, key, value, expires_at)
VALUES (%s, %s, %s, %s::jsonb, now() + %s * interval '1 second')
ON CONFLICT (tenant_id, kind, key) DO UPDATE
SET value = excluded.value, kept_at = now(), expires_at = excluded.expires_at
"""


def key(**facts: Any) -> bytes:
    """What a value is kept under: SHA-256 of all that it depends on, JSON-able, whatever its order."""
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest()


def get(connection: Connection, tenant: str, kind: CacheKind, key: bytes) -> Any | None:
    """The value, while its time is not over."""
    row = connection.execute(GET, (tenant, kind, key)).fetchone()
    return row["value"] if row else None


def put(connection: Connection, tenant: str, kind: CacheKind, key: bytes, value: Any, *, seconds: float) -> bool:
    """Keep a value for so long, in the place of an earlier one; False where it is too large."""
    content = orjson.dumps(value)
    if len(content) > LARGEST:
        return False
    connection.execute(PUT, (tenant, kind, key, content.decode(), seconds))
    return True

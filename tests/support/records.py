"""The gate's packed records, read and changed as an auditor does: by Redis itself, behind the gate's back."""

from typing import Any

import orjson
from redis import Redis

READ = "local packed = redis.call('GET', KEYS[1]) return packed and cjson.encode(cmsgpack.unpack(packed))"

CHANGE = """
local record = cmsgpack.unpack(redis.call('GET', KEYS[1]))
record[ARGV[1]] = record[ARGV[1]] + ARGV[2]
redis.call('SET', KEYS[1], cmsgpack.pack(record))
return record[ARGV[1]]
"""


def record(client: Redis, key: str) -> dict[str, Any]:
    """What is kept under this key; empty where nothing is."""
    packed = client.eval(READ, 1, key)
    return orjson.loads(packed) if isinstance(packed, bytes) else {}


def change(client: Redis, key: str, field: str, by: int) -> int:
    """Add to a number of a record; answers the sum."""
    return int(client.eval(CHANGE, 1, key, field, by))

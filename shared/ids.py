"""Where identifiers come from.

Random ids are UUIDv7 (RFC 9562), so rows that are written together lie together. Ids of things that must come out the
same when they are made twice (usage records, children of jobs) are UUIDv5 over the facts that make the thing.
"""

import secrets
import uuid

import uuid_utils.compat

#: Names Headgate in UUIDv5; itself the UUIDv5 of "headgate" in the DNS namespace, so it never changes.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "headgate")


def new() -> uuid.UUID:
    """A fresh id that sorts by the time of its making."""
    return uuid_utils.compat.uuid7()


def derived(*facts: str | int | uuid.UUID) -> uuid.UUID:
    """The id that these facts always have."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(str(fact) for fact in facts))


def token(length: int = 32) -> str:
    """A secret of `length` random bytes, URL-safe."""
    return secrets.token_urlsafe(length)

"""A message that is turned away: what is wrong, whom to tell, and what is kept of it for inspection."""

import re
from dataclasses import dataclass, replace
from typing import Self

import orjson

from shared import clock
from shared.contracts.answers import Reason
from shared.ledger.jobs import NewJob

#: Bytes that are kept of a refused message: enough to see what it was, and ten thousand of them stay small.
KEPT_BYTES = 4096

#: A character of a key, or of `authorization`, written as JSON's escape: undone, so that no secret hides behind it.
ESCAPED = re.compile(rb"\\u00(2[dD]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])")

#: Whatever looks like an API key, wherever it stands; perhaps only its beginning.
SECRET = re.compile(rb"hg_[A-Za-z0-9_=-]+")

#: Whatever stands in an attribute that is called `authorization`, key or not, ended or cut off.
AUTHORIZATION = re.compile(rb'("authorization"\s*:\s*)"(?:[^"\\]|\\.)*+("|\\?$)', re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Refusal:
    """`subject` and `source` are the message's own id and source, where they could be read."""

    reason: Reason
    message: str
    body: bytes
    subject: str | None = None
    source: str | None = None
    tenant: str | None = None
    principal: str | None = None
    reply_to: str | None = None

    def known_as(self, job: NewJob) -> Self:
        """The refusal of a message that was understood and stood for a job."""
        return replace(
            self,
            subject=job.event_id,
            source=job.source,
            tenant=job.tenant_id,
            principal=job.principal,
            reply_to=job.reply_to,
        )


def kept(refusal: Refusal, door: str) -> bytes:
    """The record of a refusal: JSON with the reason and the beginning of the message, without its secrets."""
    record = {
        "refused_at": clock.now(),
        "door": door,
        "reason": refusal.reason.value,
        "message": refusal.message,
        "id": refusal.subject,
        "source": refusal.source,
        "tenant": refusal.tenant,
        "principal": refusal.principal,
        "bytes": len(refusal.body),
        "body": _shown(refusal.body).decode(errors="backslashreplace"),
    }
    return SECRET.sub(b"[removed]", orjson.dumps(record))


def _shown(body: bytes) -> bytes:
    """The beginning of a message without its secrets. A key that the cut goes through is found by its beginning.

    Zeros go: as UTF-16 has it, one stands between any two letters of a key, and hides it from who looks for keys.
    """
    letters = body[:KEPT_BYTES].replace(b"\0", b"")
    plain = ESCAPED.sub(lambda escape: bytes.fromhex(escape[1].decode()), letters)
    return SECRET.sub(b"[removed]", AUTHORIZATION.sub(rb'\1"[removed]"', plain))

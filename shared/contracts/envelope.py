"""The message that asks for a job: a CloudEvents 1.0 event in JSON (structured mode).

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and its JSON format. Attributes that
Headgate does not know are ignored, as the specification asks.
"""

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

#: What every job's `type` begins with.
TYPE_PREFIX = "headgate.job."

#: Answers may go only to queues of this form: `headgate.replies.<principal>.<name>`.
REPLY_PREFIX = "headgate.replies."

#: What an ordering key is for.
ORDER = "The tenant's jobs with this key run one at a time, in order of acceptance; a turn's is else its conversation."

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
ReplyTo = Annotated[
    str, StringConstraints(pattern=r"^headgate\.replies\.[a-z0-9][a-z0-9-]{0,62}\.[A-Za-z0-9_-]{1,64}$")
]


class Envelope(BaseModel):
    """One job, asked for."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: Identifier = Field(description="The sender's id; the same id from the same source is the same job.")
    source: Identifier = Field(description="Who sends: a URI reference such as `/billing`.")
    type: Identifier = Field(description="`headgate.job.<kind>`.")
    authorization: str | None = Field(None, max_length=256, description="An API key; removed before storing.")
    data: dict[str, Any] = Field(description="The payload of the kind.")
    datacontenttype: Literal["application/json"] = "application/json"
    time: AwareDatetime | None = None
    tenantid: TenantId | None = Field(None, description="Needed with a service's key; optional with a tenant's.")
    tenantids: list[TenantId] | None = Field(None, max_length=1000, description="For platform kinds only.")
    orderingkey: Identifier | None = Field(None, description=ORDER)
    priority: int = Field(5, ge=0, le=9, description="0 goes first, 9 last; only among the tenant's own jobs.")
    runat: AwareDatetime | None = Field(None, description="Not before this moment.")
    traceparent: str | None = Field(None, max_length=64)
    replyto: ReplyTo | None = Field(None, description="Where answers go: `headgate.replies.<principal>.<name>`.")

    @property
    def kind(self) -> str:
        """The kind asked for, or '' where `type` is not a job's."""
        return self.type.removeprefix(TYPE_PREFIX) if self.type.startswith(TYPE_PREFIX) else ""

    def body_hash(self) -> bytes:
        """SHA-256 over what makes the job what it is: two events with one id must agree on it."""
        parts = (self.type, self.data, self.orderingkey, self.priority, self.runat, self.tenantids)
        return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).digest()


def reply_principal(address: str) -> str:
    """Whose reply queue an address is."""
    return address.removeprefix(REPLY_PREFIX).partition(".")[0]


def strings_of(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys included."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)

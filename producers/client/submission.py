"""A job as a service asks for it, checked by the same models that the doors check it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from producers.client.errors import Invalid
from shared import clock, ids
from shared.contracts.envelope import TYPE_PREFIX, Envelope
from shared.contracts.kinds import kind_named
from shared.contracts.payloads import Payload
from shared.invalid import first_wrong


@dataclass(frozen=True)
class Submission:
    """`id` makes it safe to submit again: the same id from the same source is the same job.

    `tenant` is needed with a service's key; `tenants` are for platform kinds. `run_at` must know its time zone.
    """

    kind: str
    payload: Payload | Mapping[str, Any]
    tenant: str | None = None
    id: str = field(default_factory=lambda: str(ids.new()))
    ordering_key: str | None = None
    priority: int | None = None
    run_at: datetime | None = None
    tenants: Sequence[str] | None = None
    traceparent: str | None = None

    def event(self, *, key: str, source: str, reply_to: str, largest: int) -> bytes:
        """The message as it goes on the bus; `Invalid` where a door could only refuse it."""
        event = self._attributes() | {"authorization": key, "source": source, "replyto": reply_to}
        try:
            event["data"] = self._data()
            envelope = Envelope.model_validate({name: value for name, value in event.items() if value is not None})
        except ValidationError as error:
            raise Invalid(f"{self.kind} cannot be sent: {first_wrong(error)}") from None
        body = orjson.dumps(envelope.model_dump(mode="json", exclude_unset=True))
        if len(body) > largest:
            raise Invalid(f"{self.kind} has {len(body)} bytes, a message may have {largest}: send less at once")
        return body

    def _attributes(self) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": self.id,
            "type": TYPE_PREFIX + self.kind,
            "time": clock.now(),
            "tenantid": self.tenant,
            "tenantids": self.tenants,
            "orderingkey": self.ordering_key,
            "priority": self.priority,
            "runat": self.run_at,
            "traceparent": self.traceparent,
        }

    def _data(self) -> dict[str, Any]:
        """Only what was given: defaults are the door's to fill in, and the same message stays the same."""
        model = kind_named(self.kind).payload
        given = model.model_validate(self.payload if isinstance(self.payload, model) else dict(self.payload))
        return given.model_dump(mode="json", exclude_unset=True)

"""A bus to try the client on: who sends, and under which names."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson

from producers.client import Headgate
from shared import clock, ids
from shared.bus import Bus as Transport
from shared.bus import Names, connect
from shared.bus.names import NAMES
from shared.contracts.answers import Accepted, AcceptedData, Answer, Finished, FinishedData
from shared.tenancy.provision import NewKey


@dataclass(frozen=True)
class OwnNames(Names):
    """A job queue that nobody else uses. Reply addresses stay those of the contract; the tenant's name is its own."""

    prefix: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex}")

    def reply(self, address: str) -> str:
        return NAMES.reply(address)


@dataclass(frozen=True)
class Bus:
    url: str
    names: Names
    key: NewKey
    #: The client names that were used, for tidying up.
    clients: set[str] = field(default_factory=set)

    @property
    def tenant(self) -> str:
        return self.key.principal

    def transport(self) -> Transport:
        return connect(self.url, names=self.names)

    def client(self, name: str = "main", *, secret: str | None = None, **options: Any) -> Headgate:
        self.clients.add(name)
        chosen: dict[str, Any] = {"source": "/tests", "principal": self.tenant, "names": self.names}
        return Headgate(self.url, secret or self.key.secret, name=name, **(chosen | options))

    def address(self, name: str = "main") -> str:
        return f"headgate.replies.{self.tenant}.{name}"

    def tell(self, *answers: Answer, name: str = "main") -> None:
        """Put answers into a reply queue, as a door and the outbox relay do."""
        transport = self.transport()
        transport.reply(self.address(name), [orjson.dumps(answer.model_dump(mode="json")) for answer in answers])
        transport.close()

    def depth(self) -> int:
        transport = self.transport()
        waiting = transport.depth()
        transport.close()
        return waiting


def finished(job: uuid.UUID | None = None, *, result: dict[str, Any] | None = None) -> Finished:
    """The end of a job, as the outbox writes it."""
    job = job or ids.new()
    data = FinishedData(job=job, state="done", result=result or {})
    return Finished(id=str(ids.derived("finished", job, 1)), time=clock.now(), subject="some-id", data=data)


def accepted(event_id: str, tenant: str) -> Accepted:
    """A door's answer to some message of this id."""
    data = AcceptedData(job=ids.new(), state="waiting")
    return Accepted(id=str(ids.new()), time=clock.now(), subject=event_id, tenantid=tenant, data=data)

"""Reading a message: from bytes of a stranger to a job that may be submitted, or a refusal.

The caller is made out first, from no more than the key, so that whoever has a good key is told what is wrong with the
rest of the message.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from producers.refusal import Refusal
from shared import clock, ids
from shared.agents.known import KnownAgents
from shared.cell import Cell
from shared.contracts.answers import Reason
from shared.contracts.envelope import REPLY_PREFIX, TYPE_PREFIX, Envelope, ReplyTo, reply_principal, strings_of
from shared.contracts.kinds import KINDS, Kind
from shared.contracts.payloads import AboutTenants, AgentTurn, Payload
from shared.errors import HeadgateError, NotFound
from shared.invalid import first_wrong
from shared.ledger.jobs import CHILDREN, NewJob
from shared.tenancy.access import Forbidden, Principal, Unauthenticated
from shared.tenancy.tenants import PLATFORM, Tenant
from shared.texts import is_storable

REPLY_ADDRESS: TypeAdapter[str] = TypeAdapter(ReplyTo)

#: The envelope's version that Headgate reads.
SPECVERSION = "1.0"

#: How far `runat` may lie from now: a year. Moments at the ends of the calendar can be stored and not be read again.
FARTHEST = timedelta(days=366)

#: Characters of what is said of a message that is wrong: it names what is wrong, and names are as long as a sender
#: makes them.
LONGEST_SAID = 1_000


@dataclass(frozen=True)
class Request:
    """A message that was understood and is allowed."""

    job: NewJob
    tenant: Tenant
    body: bytes


class _Wrong(HeadgateError):  # noqa: N818 - internal: becomes a Refusal
    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Requests:
    def __init__(self, cell: Cell, door: str) -> None:
        self._cell, self._door = cell, door
        self._agents = KnownAgents(cell.database)

    def read(self, body: bytes, principal: Principal | None = None) -> Request | Refusal:
        """What the message asks for. `principal`: who is calling, where the door knows it by itself."""
        event: dict[str, Any] = {}
        try:
            event = self._event(body)
            principal = principal or self._cell.access.resolve(_text(event, "authorization"))
            return self._request(body, event, principal)
        except _Wrong as wrong:
            reason, message = wrong.reason, str(wrong)
        except Unauthenticated as error:
            reason, message = Reason.UNAUTHENTICATED, str(error)
        except Forbidden as error:
            reason, message = Reason.FORBIDDEN, str(error)
        return Refusal(
            reason,
            message[:LONGEST_SAID],
            body,
            subject=_text(event, "id"),
            source=_text(event, "source"),
            principal=principal.name if principal else None,
            reply_to=_own_queue(event, principal),
        )

    def _event(self, body: bytes) -> dict[str, Any]:
        bound = self._cell.settings.envelope_bytes
        if len(body) > bound:
            raise _Wrong(Reason.OVERSIZED, f"{len(body)} bytes are more than the {bound} a message may have")
        try:
            event = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise _Wrong(Reason.MALFORMED, f"not JSON ({error}): send a CloudEvent in structured mode") from error
        if not isinstance(event, dict):
            raise _Wrong(Reason.MALFORMED, "not a JSON object: send a CloudEvent in structured mode")
        return event

    def _request(self, body: bytes, event: dict[str, Any], principal: Principal) -> Request:
        envelope = _envelope(event)
        if envelope.replyto is not None and reply_principal(envelope.replyto) != principal.name:
            raise _Wrong(Reason.BAD_REPLYTO, f"answers go only to {REPLY_PREFIX}{principal.name}.<name>")
        kind = KINDS.get(envelope.kind)
        if kind is None:
            known = ", ".join(TYPE_PREFIX + name for name in sorted(KINDS))
            raise _Wrong(Reason.UNKNOWN_TYPE, f"unknown type {envelope.type!r}: known are {known}")
        principal.demand(kind.scope)
        tenant = self._tenant(envelope, kind, principal)
        payload = _payload(envelope, kind)
        self._demand_agent(tenant, payload)
        job = _job(envelope, kind, payload, tenant=tenant, principal=principal, door=self._door)
        return Request(job, tenant, body)

    def _demand_agent(self, tenant: Tenant, payload: Payload) -> None:
        """A worker could only discard a turn that nobody answers."""
        if isinstance(payload, AgentTurn):
            try:
                self._agents.demand(tenant.tenant_id, payload.agent)
            except NotFound as error:
                raise _Wrong(Reason.UNKNOWN_AGENT, str(error)) from error

    def _tenant(self, envelope: Envelope, kind: Kind, principal: Principal) -> Tenant:
        if kind.platform:
            for named in envelope.tenantids or ["*"]:
                _demand_all(principal, named)
            name = PLATFORM
        elif envelope.tenantids is not None:
            raise _Wrong(Reason.FORBIDDEN, f"`tenantids` is for platform kinds; {kind.name} takes `tenantid`")
        else:
            name = principal.acting_for(envelope.tenantid)
        try:
            tenant = self._cell.tenants.get(name)
        except NotFound as error:
            raise _Wrong(Reason.FORBIDDEN, str(error)) from error
        if not tenant.active:
            raise _Wrong(Reason.SUSPENDED, f"tenant {name!r} is suspended: `headgate tenant resume {name}` ends that")
        return tenant


def _envelope(event: dict[str, Any]) -> Envelope:
    _storable(event)
    try:
        envelope = Envelope.model_validate(event)
    except ValidationError as error:
        wrong = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
        reason = Reason.BAD_REPLYTO if wrong == {"replyto"} else Reason.MALFORMED
        raise _Wrong(reason, f"the envelope: {first_wrong(error)}") from error
    if envelope.source.startswith(CHILDREN):
        raise _Wrong(Reason.MALFORMED, f"sources that begin with {CHILDREN} are Headgate's own: name your service")
    if envelope.runat is not None and abs(envelope.runat - clock.now()) > FARTHEST:
        raise _Wrong(Reason.MALFORMED, f"`runat` lies more than {FARTHEST.days} days from now: send it nearer its time")
    return envelope


def _storable(event: dict[str, Any]) -> None:
    if event.get("specversion") != SPECVERSION:
        raise _Wrong(Reason.UNSUPPORTED_VERSION, f"`specversion` must be {SPECVERSION!r}: send CloudEvents 1.0")
    if not all(map(is_storable, strings_of(event))):
        raise _Wrong(Reason.MALFORMED, "a string holds the character U+0000, which cannot be stored: leave it out")


def _payload(envelope: Envelope, kind: Kind) -> Payload:
    try:
        return kind.payload.model_validate(envelope.data)
    except ValidationError as error:
        raise _Wrong(Reason.INVALID_PAYLOAD, f"`data` of {kind.name}: {first_wrong(error)}") from error


def _job(
    envelope: Envelope, kind: Kind, payload: Payload, *, tenant: Tenant, principal: Principal, door: str
) -> NewJob:
    if isinstance(payload, AboutTenants):
        payload = payload.model_copy(update={"tenants": tuple(envelope.tenantids) if envelope.tenantids else None})
    return NewJob(
        tenant_id=tenant.tenant_id,
        job_id=ids.new(),
        source=envelope.source,
        event_id=envelope.id,
        body_hash=envelope.body_hash(),
        kind=kind.name,
        family=kind.family,
        payload=payload.model_dump(mode="json", exclude_none=True),
        principal=principal.name,
        door=door,
        ordering_key=envelope.orderingkey or payload.ordering_key,
        priority=envelope.priority,
        reply_to=envelope.replyto,
        traceparent=envelope.traceparent,
        run_at=envelope.runat,
    )


def _demand_all(principal: Principal, tenant: str) -> None:
    if not principal.acts_for & {"*", tenant}:
        raise Forbidden(f"this key may not act for {'all tenants' if tenant == '*' else repr(tenant)}")


def _own_queue(event: dict[str, Any], principal: Principal | None) -> str | None:
    """The reply queue of a message that is refused, if it is one of the caller's own."""
    if principal is None:
        return None
    try:
        address = REPLY_ADDRESS.validate_python(event.get("replyto"))
    except ValidationError:
        return None
    return address if reply_principal(address) == principal.name else None


def _text(event: dict[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value[:256] if isinstance(value, str) else None

"""The model behind the server: its settings, its faults and its books, in one place."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import Request
from starlette.types import ASGIApp

from shared.clock import Clock
from shared.rehearsal.delivery import Answer, Delivery, Held
from shared.rehearsal.faults import Faults
from shared.rehearsal.log import Served, ServedLog, Status, fingerprint
from shared.rehearsal.refusal import Refusal
from shared.rehearsal.requests import api_key
from shared.rehearsal.settings import Fault, RehearsalSettings, Rule

#: The client's own id of a call, under which it can be looked up afterwards; the SDK's header of that name.
REQUEST_ID = "x-client-request-id"

#: Bodies that are kept, the latest: more than a test looks through.
KEPT_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class Draw:
    """What a call asks of which model and what it costs; `words` is what a rule's `match` looks at."""

    model: str
    words: str
    input_tokens: int
    output_tokens: int


class RehearsalModel:
    """Serves calls: refuses, holds or answers them as its settings say, and keeps the books."""

    def __init__(self, settings: RehearsalSettings, log: ServedLog, clock: Clock) -> None:
        self.log = log
        self.requests: deque[bytes] = deque(maxlen=KEPT_REQUESTS)
        self._clock = clock
        self.set(settings)

    def set(self, settings: RehearsalSettings) -> None:
        """Take these settings from the next call on; faults begin to count anew."""
        self.settings = settings
        self.faults = Faults(settings.faults)

    def keep(self, body: bytes) -> None:
        """Keep what was asked, where the settings say so."""
        if self.settings.keep_requests:
            self.requests.append(body)

    def serve(self, request: Request, draw: Draw, answer: Callable[[], Answer]) -> ASGIApp:
        """The call's response. Whatever is served is in the log when this returns, before a byte has been sent."""
        key = api_key(request)
        rule = self.faults.strike(draw.model, draw.words, key)
        fault = rule.fault if rule else None
        if rule and fault in _REFUSED:
            raise _refused(rule, key)
        if fault is Fault.HANG:
            return Held(self.settings.hold_seconds)
        number = self._record(request, key, draw, _STATUS.get(fault, Status.ANSWERED))
        said = answer()
        return Delivery(
            said.garbled(rule.body) if rule and fault is Fault.GARBLED else said,
            self.settings.latency,
            self.settings.hold_seconds,
            fault,
            lambda: self.log.amend(number, Status.ABANDONED),
        )

    def _record(self, request: Request, key: str, draw: Draw, status: Status) -> int:
        number = self.log.number()
        self.log.write(
            Served(
                number=number,
                api_key=fingerprint(key),
                request_id=request.headers.get(REQUEST_ID),
                endpoint=request.url.path,
                model=draw.model,
                input_tokens=draw.input_tokens,
                output_tokens=draw.output_tokens,
                status=status,
                served_at=self._clock(),
            )
        )
        return number


_STATUS: dict[Fault | None, Status] = {Fault.CUT: Status.CUT, Fault.LOST: Status.ABANDONED}


#: Faults that refuse a call.
_REFUSED = {Fault.RATE_LIMITED, Fault.KEY_REFUSED, Fault.NO_QUOTA, Fault.BROKEN}


def _refused(rule: Rule, key: str) -> Refusal:
    match rule.fault:
        case Fault.BROKEN:
            return Refusal(500, "The model failed, as the rule asked; try again.", kind="server_error")
        case Fault.KEY_REFUSED:
            return Refusal(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")
        case Fault.NO_QUOTA:
            said = "You exceeded your current quota, please check your plan and billing details."
            return Refusal(429, said, kind="insufficient_quota", code="insufficient_quota")
    headers = {"retry-after": f"{rule.retry_after:g}"}
    message = f"Rate limit reached, as the rule asked; try again in {rule.retry_after:g} s."
    return Refusal(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)


def answer_key(body: bytes) -> str:
    """What makes the ids of an answer: the same for the same request."""
    return sha256(body).hexdigest()[:24]

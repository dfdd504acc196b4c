"""A service's end of the bus: submit, wait, iterate answers."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from producers.client.errors import Invalid, Refused, Unconfirmed
from producers.client.job import Job
from producers.client.mailbox import Mailbox
from producers.client.sending import Message, Sender
from producers.client.streaming import Listener
from producers.client.submission import Submission
from shared import ids
from shared.bus import Names, connect
from shared.bus.names import NAMES
from shared.clock import monotonic
from shared.contracts.answers import Answer
from shared.contracts.envelope import REPLY_PREFIX, ReplyTo
from shared.contracts.payloads import Payload
from shared.errors import ConfigurationError

#: Bytes that a door takes in one message, unless `HEADGATE_ENVELOPE_BYTES` tells it otherwise.
LARGEST_MESSAGE = 1_048_576

#: Messages unanswered at once in `submit_many`: several of the door's batches, far fewer than a reply queue holds.
FLIGHT = 1000

#: Seconds of one look for answers while iterating them.
LOOK = 30.0

REPLY_TO: TypeAdapter[str] = TypeAdapter(ReplyTo)


class Headgate:
    """One sender and its reply queue, `headgate.replies.<principal>.<name>`. Not for sharing between threads.

    `source` is where jobs come from, and part of what makes an id one's own. `principal` is whom the key belongs to:
    the tenant, or the service; not given, it is the source's name without the slash. Clients that live at the same
    time need a `name` each, or they take each other's answers; one that keeps its name finds what was answered while
    it was away. `stream_url`: the Redis of turns' streams, where the bus is none. Building it connects nothing.
    """

    def __init__(
        self,
        bus_url: str,
        key: str,
        *,
        source: str = "/my-service",
        name: str = "main",
        principal: str | None = None,
        stream_url: str | None = None,
        largest_message: int = LARGEST_MESSAGE,
        names: Names = NAMES,
    ) -> None:
        self._key, self._source, self._largest_message = key, source, largest_message
        principal = principal or source.strip("/")
        self._address = _address(principal, name)
        self._bus = connect(bus_url, consumer=self._address, names=names)
        self._mailbox = Mailbox(self._bus, self._address)
        self._listener = Listener(bus_url, stream_url, principal)
        self._sender = Sender(self._bus, self._mailbox, self._listener)

    def submit(
        self,
        kind: str,
        payload: Payload | Mapping[str, Any],
        *,
        tenant: str | None = None,
        id: str | None = None,  # noqa: A002 - the envelope's own word
        ordering_key: str | None = None,
        priority: int | None = None,
        run_at: datetime | None = None,
        tenants: Sequence[str] | None = None,
        timeout: float = 30.0,
    ) -> Job:
        """Send a job until it is accepted. Raises `Invalid`, `Refused`, or `Unconfirmed` after `timeout` seconds.

        Give an `id` of your own if the same job may be submitted again after a crash.
        """
        submission = Submission(
            kind, payload, tenant, id or str(ids.new()), ordering_key, priority, run_at, tenants=tenants
        )
        (outcome,) = self.submit_many([submission], timeout=timeout)
        if isinstance(outcome, Job):
            return outcome
        raise outcome

    def submit_many(
        self, submissions: Sequence[Submission], *, timeout: float = 30.0
    ) -> list[Job | Refused | Unconfirmed]:
        """Send jobs together until each is accepted or refused, or the time is over; what became of each, in order.

        Nothing is sent if one of them is `Invalid`. With one ordering key they are accepted in this order, as long as
        none is refused for a while.
        """
        messages = [self._message(submission) for submission in submissions]
        if len({message.id for message in messages}) < len(messages):
            raise Invalid("two of these jobs have one id: submit them one after the other, or give each its own")
        until = monotonic() + timeout
        for start in range(0, len(messages), FLIGHT):
            self._sender.send(messages[start : start + FLIGHT], until)
        return [message.outcome or Unconfirmed(message.id, message.said) for message in messages]

    def answers(self, wait: float | None = None) -> Iterator[Answer]:
        """Answers that nobody waits for, as they come; ends when none comes for `wait` seconds (None: never).

        Also those to jobs of earlier processes of this name. An answer is acknowledged when the next is asked for.
        """
        quiet_since = monotonic()
        while True:
            if answer := self._mailbox.take(lambda _: True):
                yield answer
                quiet_since = monotonic()
                continue
            left = LOOK if wait is None else quiet_since + wait - monotonic()
            if left <= 0:
                break
            self._mailbox.read(min(LOOK, left))
        if self._mailbox.away:
            raise self._mailbox.away

    def close(self) -> None:
        """What was handed out is acknowledged; what was not comes again to the next client of this name."""
        self._mailbox.acknowledge()
        self._listener.close()
        self._bus.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """After a failure the answers in hand are not acknowledged: they come again."""
        if failed is None:
            self.close()
        else:
            self._listener.close()
            self._bus.close()

    def _message(self, submission: Submission) -> Message:
        body = submission.event(
            key=self._key, source=self._source, reply_to=self._address, largest=self._largest_message
        )
        return Message(submission.id, submission.tenant, body)


def _address(principal: str, name: str) -> str:
    try:
        return REPLY_TO.validate_python(f"{REPLY_PREFIX}{principal}.{name}")
    except ValidationError:
        raise ConfigurationError(
            f"no answers can reach principal {principal!r}, name {name!r}: give the tenant's or service's own name as "
            "`principal`, and a `name` of letters, digits, - and _"
        ) from None

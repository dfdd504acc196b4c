"""Sending until accepted: what is unanswered, or refused for now, is sent again under the same id.

A second message of one id is the same job, so sending too often costs little and giving up too early loses a job.
Each repetition waits twice as long as the one before.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from producers.client.errors import Refused
from producers.client.job import Job
from producers.client.mailbox import Mailbox
from producers.client.streaming import Listener
from shared.bus import Bus
from shared.clock import monotonic
from shared.contracts.answers import Accepted, Answer
from shared.contracts.answers import Refused as RefusedAnswer
from shared.errors import Unavailable

#: Seconds before the first repetition: a door that is there answers within its batch, in a few hundredths.
FIRST_PAUSE = 1.0

#: Longest pause in seconds: a door that was away for long is not found under a heap of repetitions.
LONGEST_PAUSE = 30.0

#: What is said of a message that nothing was heard of. A message whose sender cannot be made out is never answered.
SILENCE = "no answer: is a bus door running, is the key good, is `principal` the key's own"


@dataclass
class Message:
    """One event on its way; `due` is when it is sent next (monotonic), `said` the last that was heard of it."""

    id: str
    tenant: str | None
    body: bytes
    due: float = 0.0
    pause: float = FIRST_PAUSE
    said: str = SILENCE
    outcome: Job | Refused | None = None

    def concerns(self, answer: Answer) -> bool:
        """Services may use one id for several tenants; a refusal does not always know the tenant."""
        either = None in (self.tenant, answer.tenantid)
        return isinstance(answer, Accepted | RefusedAnswer) and (either or self.tenant == answer.tenantid)

    def postpone(self) -> None:
        """The next repetition; spread a little, so that many clients do not come back at once."""
        self.due = monotonic() + self.pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        self.pause = min(LONGEST_PAUSE, 2 * self.pause)


class Sender:
    def __init__(self, bus: Bus, mailbox: Mailbox, listener: Listener) -> None:
        self._bus, self._mailbox, self._listener = bus, mailbox, listener

    def send(self, messages: Sequence[Message], until: float) -> None:
        """Until each has its outcome, or until that moment (monotonic)."""
        unsettled = {message.id: message for message in messages}
        while unsettled and monotonic() < until:
            self._post([message for message in unsettled.values() if message.due <= monotonic()])
            wake = min(until, *(message.due for message in unsettled.values()))
            for answer in self._answers(unsettled, max(0.0, wake - monotonic())):
                self._settle(unsettled, answer)

    def _post(self, due: Sequence[Message]) -> None:
        if not due:
            return
        try:
            self._bus.send([message.body for message in due])
        except Unavailable as error:
            for message in due:
                message.said = str(error)
        for message in due:
            message.postpone()

    def _answers(self, unsettled: Mapping[str, Message], wait: float) -> list[Answer]:
        def wanted(answer: Answer) -> bool:
            message = unsettled.get(answer.subject or "")
            return message is not None and message.concerns(answer)

        return self._mailbox.read(wait, wanted)

    def _settle(self, unsettled: dict[str, Message], answer: Answer) -> None:
        """An answer may have come twice in one batch: the first one counts."""
        message = unsettled.get(answer.subject or "")
        if message is None:
            return
        message.outcome = self._outcome(message, answer)
        if message.outcome is not None:
            del unsettled[message.id]

    def _outcome(self, message: Message, answer: Answer) -> Job | Refused | None:
        match answer:
            case Accepted(data=data):
                return Job(data.job, message.id, answer.tenantid, data.state, self._mailbox, self._listener)
            case RefusedAnswer(data=data) if data.passing:
                message.said = str(Refused.by(data))
            case RefusedAnswer(data=data):
                return Refused.by(data)
        return None

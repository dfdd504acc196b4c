"""A job that a door has accepted."""

from dataclasses import dataclass, field
from uuid import UUID

from producers.client.errors import Unfinished
from producers.client.mailbox import Mailbox
from shared.clock import monotonic
from shared.contracts.answers import Answer, Finished


@dataclass
class Job:
    """`id` is Headgate's, `event_id` the sender's. `state`: as the door last told; `wait` learns the end."""

    id: UUID
    event_id: str
    tenant: str | None
    state: str
    _mailbox: Mailbox = field(repr=False)
    _finished: Finished | None = field(default=None, repr=False)

    def wait(self, timeout: float) -> Finished:
        """How the job ended, done or not (`.data.state`); `Unfinished` after `timeout` seconds.

        May be called again. Each end is told once to each reply queue: a job that was over before it was submitted
        again has perhaps been told to an earlier process.
        """
        until = monotonic() + timeout
        while self._finished is None:
            answer = self._mailbox.take(self._is_end)
            if isinstance(answer, Finished):
                self._finished, self.state = answer, answer.data.state
            elif (left := until - monotonic()) <= 0:
                raise Unfinished(self._unheard(timeout))
            else:
                self._mailbox.read(left)
        return self._finished

    def _is_end(self, answer: Answer) -> bool:
        return isinstance(answer, Finished) and answer.data.job == self.id

    def _unheard(self, timeout: float) -> str:
        away = f" {self._mailbox.away}" if self._mailbox.away else ""
        return (
            f"job {self.id} was {self.state} when it was accepted and its end was not heard within {timeout:g} s: "
            f"wait again, or ask `headgate jobs show {self.id}`.{away}"
        )

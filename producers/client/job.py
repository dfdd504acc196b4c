"""A job that a door has accepted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from producers.client.errors import Unfinished
from producers.client.mailbox import Mailbox
from producers.client.streaming import Listener
from shared.clock import monotonic
from shared.contracts.answers import Answer, Finished, FinishedData
from shared.contracts.events import TurnEvent
from shared.ledger.states import FINAL
from shared.streams.heard import Heard
from shared.streams.reader import BEGINNING


@dataclass
class Job:
    """`id` is Headgate's, `event_id` the sender's. `state`: as the door last told; `wait` learns the end."""

    id: UUID
    event_id: str
    tenant: str | None
    state: str
    _mailbox: Mailbox = field(repr=False)
    _listener: Listener = field(repr=False)
    _finished: Finished | None = field(default=None, repr=False)

    def wait(self, timeout: float) -> Finished:
        """How the job ended, done or not (`.data.state`); `Unfinished` after `timeout` seconds.

        May be called again. Each end is told once to each reply queue: a job that was over before it was submitted
        again has perhaps been told to an earlier process.
        """
        until = monotonic() + timeout
        while (finished := self._told()) is None:
            if (left := until - monotonic()) <= 0:
                raise Unfinished(self._unheard(timeout))
            self._mailbox.read(left)
        return finished

    def stream(self, timeout: float, *, after: str = BEGINNING) -> Iterator[TurnEvent]:
        """What a turn tells while it runs that was submitted with `stream: true`; the last event is `TurnFinished`.

        `after`: the id of the last event that was heard; `EventsMissed` comes where the stream holds it no more. What
        counts of it all, where a run starts over, says `Heard`. Raises `Unfinished` after `timeout` seconds.
        """

        def ended(wait: float) -> FinishedData | None:
            self._mailbox.read(wait)
            finished = self._told()
            return finished.data if finished else None

        return self._listener.events(self.id, after, timeout, ended)

    def text(self, timeout: float) -> Iterator[str]:
        """The answer as far as it is known, each time it changes: it grows, but where a run starts over."""
        heard, shown = Heard(), ""
        for event in self.stream(timeout):
            heard.take(event)
            if heard.text != shown:
                yield (shown := heard.text)

    def _told(self) -> Finished | None:
        """Its end, if the reply has come."""
        if self._finished is None and isinstance(answer := self._mailbox.take(self._is_end), Finished):
            self._finished, self.state = answer, answer.data.state
        return self._finished

    def _is_end(self, answer: Answer) -> bool:
        return isinstance(answer, Finished) and answer.data.job == self.id

    def _unheard(self, timeout: float) -> str:
        away = f" {self._mailbox.away}" if self._mailbox.away else ""
        if self.state in FINAL:
            return (
                f"job {self.id} was {self.state} already when it was submitted again: its end was told to this reply "
                f"queue before, and not again within {timeout:g} s; ask `headgate jobs show {self.id}`.{away}"
            )
        return (
            f"job {self.id} was {self.state} when it was accepted and its end was not heard within {timeout:g} s: "
            f"wait again, or ask `headgate jobs show {self.id}`.{away}"
        )

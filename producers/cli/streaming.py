"""`headgate submit turn --stream`: words as they come."""

from time import sleep
from uuid import UUID

from producers.cli.door import OPERATOR
from producers.cli.output import console, printable
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.contracts.events import EventsMissed, ToolCalled, TurnEvent, TurnStarted
from shared.ledger import reading
from shared.streams.heard import Heard
from shared.streams.keys import stream_key
from shared.streams.listening import Listening
from shared.streams.reader import Reader


def show(cell: Cell, tenant: str, job: UUID, *, seconds: float) -> str:
    """Print the answer as it comes, until the turn is over or so many seconds are; answers what was printed last.

    What is printed cannot be taken back: where the answer starts over it is printed anew, and said to be.
    """

    def ended(wait: float) -> FinishedData | None:
        sleep(wait)
        with cell.database.transaction(tenant) as connection:
            over = reading.ended(connection, tenant, [job])
        told = ({"state": row.state, "result": row.result, "error": row.error} for row in over)
        return next((FinishedData.model_validate(end | {"job": job}) for end in told), None)

    reader, printed = Reader(cell.stream_url), Printed()
    try:
        for event in Listening(reader, stream_key(OPERATOR.name, job), ended).events(seconds):
            printed.take(event)
    finally:
        reader.close()
    return printed.end()


#: Said before words that were printed already.
AGAIN = "[starting over: a worker died, a call was made again, or words were missed]"


class Printed:
    """The answer on stdout; on stderr the names of tools that are used meanwhile, and that words come again."""

    def __init__(self) -> None:
        self._heard, self._shown, self._out = Heard(), "", console()
        self._again = False

    def take(self, event: TurnEvent) -> None:
        void = isinstance(event, EventsMissed) or (isinstance(event, TurnStarted) and event.step in self._heard.steps)
        if not self._heard.take(event):
            return
        if isinstance(event, TurnStarted | EventsMissed):
            self._again = self._again or void
            return  # what counts from here on is yet to come
        if isinstance(event, ToolCalled):
            console(stderr=True).print(f"[{printable(event.name)}]")
        text = self._heard.text
        if text.startswith(self._shown):
            self._say(text[len(self._shown) :])
        elif text:
            self._say("\n")
            if self._again:
                console(stderr=True).print(AGAIN)
            self._say(text)
        self._again = self._again and not text
        self._shown = text or self._shown

    def end(self) -> str:
        if self._shown:
            self._say("\n")
        return self._shown

    def _say(self, words: str) -> None:
        """At once: whoever watches wants to see them come."""
        self._out.print(printable(words), end="", soft_wrap=True)
        self._out.file.flush()

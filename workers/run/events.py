"""What a run tells of itself while it goes on, on its job's stream, where whoever asked for the job wants to hear it.

A reader must never see doubled text. So the first event of a run is preceded by `turn.started`, which names the step at
which it begins: what earlier runs told of that step and of later ones is void. The same is said again within a run
where a model is asked anew in the midst of an answer, and where events were lost: then the words of the step so far are
told again, all of them. Steps that are replayed tell nothing, for nothing is made there.
"""

import threading
from collections.abc import Sequence
from typing import Any

import orjson

from shared.contracts.events import DELTA, TURN_EVENT, TURN_STARTED, TurnFinished
from shared.ledger.runs import Run
from shared.streams import ends
from shared.streams.keys import stream_key
from shared.streams.writer import AFTERLIFE, LIFETIME, Streams
from shared.texts import storable

#: Characters of one `delta`: with each of them escaped it is still an entry.
PIECE = 2_048

#: Characters of a name or an error in an event: what the model wrote may be of any length.
LONGEST = 500


class Events:
    """Of one run. Its tools may tell theirs at the same time, each in a thread of its own."""

    def __init__(self, run: Run, streams: Streams) -> None:
        self._run, self._streams = run, streams
        self._key = stream_key(run.principal, run.job)
        self._lock = threading.Lock()
        #: A reader knows from which step on this run tells.
        self._begun = False

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Tell this; `data` names its step, unless it is the end."""
        if event == TURN_STARTED:
            self.begin(data["step"])
            return
        plain = {name: storable(value)[:LONGEST] if isinstance(value, str) else value for name, value in data.items()}
        told = TURN_EVENT.validate_python(plain | {"type": event, "run": self._run.number})
        with self._lock:
            if isinstance(told, TurnFinished):
                self._end(told)
            else:
                self._append(told.step, [told.model_dump(mode="json")])

    def begin(self, step: str) -> None:
        """What was told of this step before, and of later ones, is void."""
        with self._lock:
            self._begun = False
            self._append(step, [])

    def tell(self, step: str, text: str, said: Sequence[str]) -> None:
        """The next words of a step; `said`: all of them so far, for a reader who has to begin anew."""
        with self._lock:
            words = text if self._begun else "".join(said)
            pieces = [words[start : start + PIECE] for start in range(0, len(words), PIECE)]
            self._append(step, [self._event(DELTA, step, text=piece) for piece in pieces])

    @property
    def begun(self) -> bool:
        return self._begun

    def _append(self, step: str, events: list[dict[str, Any]]) -> None:
        """With the lock held. Where it fails, or nobody knows, the next event begins its step anew."""
        if not self._begun:
            events = [self._event(TURN_STARTED, step), *events]
        if events:
            self._begun = self._streams.append(self._key, [orjson.dumps(event) for event in events], lifetime=LIFETIME)

    def _end(self, end: TurnFinished) -> None:
        self._streams.append(self._key, [ends.entry(end.model_dump(mode="json"))], lifetime=AFTERLIFE)

    def _event(self, event: str, step: str, **data: str) -> dict[str, Any]:
        return {"type": event, "run": self._run.number, "step": step, **data}


class Telling:
    """Tells the words of one step (`workers.models.chunks.Listener`)."""

    def __init__(self, events: Events, step: str) -> None:
        self._events, self._step = events, step
        self._said: list[str] = []
        #: The first half of a character whose other half comes with the next words.
        self._half = ""

    def begin(self) -> None:
        """The first step of a run says so, and one that had already said something."""
        self._half = ""
        if self._said or not self._events.begun:
            self._said.clear()
            self._events.begin(self._step)

    def __call__(self, text: str) -> None:
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        if words := storable(text.removesuffix(self._half)):
            self._said.append(words)
            self._events.tell(self._step, words, self._said)

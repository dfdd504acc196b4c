"""What a listener has to show, out of events that may start over: the rule by which no text is doubled."""

from dataclasses import dataclass, field

from shared.contracts.events import (
    Delta,
    EventsMissed,
    ToolCalled,
    ToolFinished,
    TurnEvent,
    TurnFinished,
    TurnStarted,
)
from shared.contracts.results import TurnResult


@dataclass
class HeardStep:
    """What was told of one step, by one run."""

    run: int
    text: str = ""
    #: The tool that was called in it, if it is one's.
    tool: str | None = None
    error: str | None = None
    over: bool = False


@dataclass
class Heard:
    """What counts of all that was told: of each step only what the newest run told, in the order of the steps.

    An event of an older run than one already heard of is too late: another worker has the turn by now. Of a step whose
    beginning was missed no word counts: the rest alone would be no answer.
    """

    run: int = 0
    steps: dict[str, HeardStep] = field(default_factory=dict)
    finished: TurnFinished | None = None
    #: The next step that is heard of may have begun before.
    _missed: bool = False
    #: The step whose beginning was missed.
    _torn: str | None = None

    @property
    def text(self) -> str:
        """The answer, as far as it is known: at the end the result's, until then the words of the latest model call."""
        answer = TurnResult.answer_in(self.finished.result) if self.finished else None
        if answer is not None:
            return answer
        return next((step.text for step in reversed(self.steps.values()) if step.text), "")

    def take(self, event: TurnEvent) -> bool:
        """Let an event in; False where it is void."""
        if isinstance(event, EventsMissed):
            self.steps.clear()
            self._missed = True
            return True
        if event.run < self.run:
            return False
        if event.run > self.run:
            self.run, self.finished = event.run, None
        if isinstance(event, TurnFinished):
            self.finished = event
            return True
        if isinstance(event, TurnStarted):
            self._missed, self._torn = False, None
            self._start_over(event.step)
            return True
        if self._is_torn(event.step) and isinstance(event, Delta):
            return False
        self._told(event)
        return True

    def _told(self, event: Delta | ToolCalled | ToolFinished) -> None:
        step = self._step(event.step)
        match event:
            case Delta(text=text):
                step.text += text
            case ToolCalled(name=name):
                step.tool = name
            case ToolFinished(name=name, error=error):
                step.tool, step.error, step.over = name, error, True

    def _is_torn(self, place: str) -> bool:
        """Steps are told one after the other: only the first that is heard of can have begun before what was missed."""
        if self._missed:
            self._missed, self._torn = False, place
        elif place != self._torn:
            self._torn = None
        return place == self._torn

    def _start_over(self, place: str) -> None:
        """What was told of this step, and of those that were first heard of after it, is void."""
        if place in self.steps:
            known = list(self.steps)
            for later in known[known.index(place) :]:
                del self.steps[later]
        self.steps[place] = HeardStep(self.run)

    def _step(self, place: str) -> HeardStep:
        step = self.steps.get(place)
        if step is None or step.run < self.run:
            self.steps.pop(place, None)
            step = self.steps[place] = HeardStep(self.run)
        return step

"""What is told of a turn while it runs: events on a stream of its job's own.

Each event carries the number of its run. Where a run that comes later tells a step again, or a model is asked again in
the midst of one, `turn.started` says from which step on what was told before counts no more.

A stream forgets its oldest events, and in the end all of them. Who reads on from a place that it does not hold any more
is told so by the reader (`EventsMissed`), which stands on no stream.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.contracts.results import TurnResultShown

TURN_STARTED, DELTA, TOOL_CALLED, TOOL_FINISHED, TURN_FINISHED = (
    "turn.started",
    "delta",
    "tool.called",
    "tool.finished",
    "turn.finished",
)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str = Field("", exclude=True, description="Where it stands in the stream; read on from here.")
    run: int = Field(ge=0, description="The run that tells it; of an older run than one already heard of: too late.")


class _OfStep(_Event):
    step: str = Field(description="The place in the turn: `0.model`, `0.tool.1`, …")


class TurnStarted(_OfStep):
    """From this step on it is told now: what was told of it before, and of those that came after it, is void."""

    type: Literal["turn.started"] = "turn.started"


class Delta(_OfStep):
    """Words that follow those told of this step before."""

    type: Literal["delta"] = "delta"
    text: str


class ToolCalled(_OfStep):
    """A tool is called now, as the model asked."""

    type: Literal["tool.called"] = "tool.called"
    name: str


class ToolFinished(_OfStep):
    """What a tool came to is known."""

    type: Literal["tool.finished"] = "tool.finished"
    name: str
    error: str | None = Field(None, description="What went wrong, as the model is told; none: nothing.")


class TurnFinished(_Event):
    """The job is over; nothing follows, unless an operator lets a job that ended badly run again."""

    type: Literal["turn.finished"] = "turn.finished"
    state: Literal["done", "discarded", "dead", "denied", "cancelled"]
    result: TurnResultShown | None = Field(None, description="As in the answer `finished`; none where it is too long.")
    error: str | None = None


class EventsMissed(_Event):
    """What stood before the next event, or behind the place that was read from, is gone: what was heard may be torn.

    Not on the stream: the reader says it (`shared.streams.reader`), and goes on with all that is left.
    """

    type: Literal["events.missed"] = "events.missed"
    run: int = 0


#: What stands on a stream.
EVENTS: Mapping[str, type[BaseModel]] = {
    TURN_STARTED: TurnStarted,
    DELTA: Delta,
    TOOL_CALLED: ToolCalled,
    TOOL_FINISHED: ToolFinished,
    TURN_FINISHED: TurnFinished,
}

Told = TurnStarted | Delta | ToolCalled | ToolFinished | TurnFinished

#: What a listener hears.
TurnEvent = Told | EventsMissed

TURN_EVENT: TypeAdapter[Told] = TypeAdapter(Annotated[Told, Field(discriminator="type")])

"""A script: what the model says in each round of a turn, instead of what its own wit would.

Tests let it say what a model may say at its worst. A round is sent as it was written, however long and however wrong;
only its cost keeps within the request's most tokens, as with every answer. Which round it is depends on the messages
alone, so a call that is made again has the same answer.
"""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from shared.rehearsal.requests import ChatRequest, Message

#: Half of a surrogate pair, written out in a round's words: it is sent as that escape. JSON can say it, and hardly any
#: reader of JSON takes it, so a script cannot say it otherwise.
WRITTEN_OUT = re.compile(r"\\u([dD][89a-fA-F][0-9a-fA-F]{2})")


class WantedTool(BaseModel):
    """A tool that the model asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    arguments: str = Field("{}", description="Sent as they are written: they need not be JSON.")
    id: str | None = Field(None, description="None: made from the request.")


class Round(BaseModel):
    """What the model says, and the tools that it asks for at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    calls: tuple[WantedTool, ...] = ()
    finish_reason: str | None = Field(None, description="None: as it is.")
    match: str | None = Field(None, description="Only for questions that contain this.")

    @property
    def said(self) -> str:
        return WRITTEN_OUT.sub(_half, self.text)

    @property
    def wanted(self) -> Sequence[WantedTool]:
        return [call.model_copy(update={"arguments": WRITTEN_OUT.sub(_half, call.arguments)}) for call in self.calls]


def round_of(script: Sequence[Round], request: ChatRequest) -> Round | None:
    """The round whose turn it is: before it stand as many as there were answers that asked for tools.

    They are counted since the question. The last goes on for ever. None: nothing was written for this question.
    """
    rounds = [found for found in script if found.match is None or found.match in request.question]
    return rounds[min(_answered_with_tools(request.messages), len(rounds) - 1)] if rounds else None


def _answered_with_tools(messages: Sequence[Message]) -> int:
    """How often the model has asked for tools since the user last spoke."""
    asked = 0
    for message in messages:
        if message.role == "user":
            asked = 0
        elif message.role == "assistant" and message.tool_calls:
            asked += 1
    return asked


def _half(written: re.Match[str]) -> str:
    return chr(int(written[1], 16))

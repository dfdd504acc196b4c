"""A chat completion's answer, put together from what a provider sends: whole, or in the pieces of a stream.

A provider is a stranger. What it sends is taken by its shape, and bounded; what Headgate does not know is passed over.
Without a usage that can be billed it is no answer: then nobody knows what was drawn.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from shared.invalid import first_wrong
from shared.metering.prices import Tokens
from shared.texts import storable
from workers.calls import CallLost

#: Characters of an answer that are kept; what is more is cut off, as by `max_tokens`, which bounds it far below.
MOST_TEXT = 524_288

#: Characters of one tool call's arguments that are kept: what is cut is no JSON any more, and its tool will say so.
MOST_ARGUMENTS = 65_536

#: Tool calls of one answer that are kept: as many as a request may offer tools.
MOST_CALLS = 128

#: Characters of a name or an id; longer ones are nobody's.
MOST_NAME = 256

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(BaseModel):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Message(BaseModel):
    content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: Count | None = None


class _Usage(BaseModel):
    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: _Details | None = None


class _Error(BaseModel):
    message: str | None = None


class _Part(BaseModel):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: _Error | str | None = None


@dataclass
class _CallSoFar:
    """A tool call as far as it has come."""

    index: int | None
    id: str
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    length: int = 0


class Answer:
    """What has come so far."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0
        self._calls: list[_CallSoFar] = []
        self._finish_reason: str | None = None
        self._usage: _Usage | None = None

    def take(self, sent: Any) -> str:
        """Let in a whole answer or a piece of one; answers the words that it adds."""
        try:
            part = _Part.model_validate(sent)
        except ValidationError as error:
            raise CallLost(f"the answer was no chat completion: {first_wrong(error).said}") from None
        if part.error and not part.choices:
            why = part.error if isinstance(part.error, str) else part.error.message
            raise CallLost(f"the provider answered with an error: {storable(str(why))}")
        self._usage = part.usage or self._usage
        words = ""
        for choice in (part.choices or [])[:1]:  # one is asked for
            self._finish_reason = choice.finish_reason or self._finish_reason
            message = choice.delta or choice.message or _Message()
            words = self._words(message.content or "")
            for call in message.tool_calls or ():
                self._add(call, whole=choice.delta is None)
        return words

    def outcome(self) -> dict[str, Any]:
        """{"content": text, "tool_calls": [{id, name, arguments}], "finish_reason"}."""
        calls = sorted(self._calls, key=lambda call: call.index or 0)
        ids = Counter(call.id for call in calls)
        tool_calls = [
            {
                "id": (storable(call.id) if ids[call.id] == 1 else "") or f"call_{number}",
                "name": storable(call.name),
                "arguments": storable("".join(call.arguments)),
            }
            for number, call in enumerate(calls)
        ]
        reason = "length" if self._length > MOST_TEXT else storable(self._finish_reason or "")[:MOST_NAME]
        return {"content": storable("".join(self._text)), "tool_calls": tool_calls, "finish_reason": reason}

    def drawn(self) -> Tokens:
        """Raises `CallLost` where the answer is not whole, or nobody can say what it cost."""
        if (usage := self._usage) is None or self._finish_reason is None:
            raise CallLost("the answer was not whole: it ended without saying why, or without its usage")
        cached = (usage.prompt_tokens_details or _Details()).cached_tokens or 0
        return Tokens(usage.prompt_tokens, usage.completion_tokens, min(cached, usage.prompt_tokens))

    def _words(self, text: str) -> str:
        kept = text[: max(0, MOST_TEXT - self._length)]
        self._length += len(text)
        self._text.append(kept)
        return kept

    def _add(self, part: _ToolCall, *, whole: bool) -> None:
        call = self._new(part) if whole else self._call(part)
        if call is None or part.function is None:
            return
        call.name = call.name or (part.function.name or "")[:MOST_NAME]
        arguments = part.function.arguments or ""
        call.arguments.append(arguments[: max(0, MOST_ARGUMENTS - call.length)])
        call.length += len(arguments)

    def _call(self, part: _ToolCall) -> _CallSoFar | None:
        """Which call a piece belongs to. Some providers number none of them, or all of them alike; ids tell then."""
        named = _id(part)
        for call in reversed(self._calls):
            if part.index in (None, call.index):
                if named and call.id and named != call.id:
                    break
                call.id = call.id or named
                return call
        return self._new(part)

    def _new(self, part: _ToolCall) -> _CallSoFar | None:
        if len(self._calls) >= MOST_CALLS:
            return None
        self._calls.append(_CallSoFar(part.index, _id(part)))
        return self._calls[-1]


def _id(part: _ToolCall) -> str:
    return (part.id or "")[:MOST_NAME]

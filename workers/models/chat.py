"""One chat completion as a paid call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from shared.metering.prices import Tokens
from workers.calls import Call, Reply
from workers.models.answer import Answer
from workers.models.chunks import Listener, gathered
from workers.models.errors import translated
from workers.models.provider import OpenProvider
from workers.network.bounds import STREAMED, WHOLE

if TYPE_CHECKING:
    from openai import OpenAI
    from openai._types import RequestOptions

#: Where chat completions are asked for, below a provider's address. The SDK gives what comes as plain JSON: to make
#: objects of it and check none of their fields costs more than the call.
COMPLETIONS = "/chat/completions"

#: How an answer is called that comes whole, also where a stream was asked for: some providers do not stream.
WHOLE_ANSWER = "application/json"

#: Tokens that a provider adds around messages and tools beyond their own bytes; far above what any does.
OVERHEAD_TOKENS = 256


@dataclass(frozen=True)
class ChatRequest:
    """What is sent. `max_tokens` is always sent, for it bounds what the call may draw.

    `answer_only`: tools may not be asked for any more. They are named all the same, for what was said speaks of them.
    """

    model: str
    messages: Sequence[Mapping[str, Any]]
    temperature: float
    max_tokens: int
    tools: Sequence[Mapping[str, Any]]
    answer_only: bool = False

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(self.messages),
            "temperature": self.temperature,
            "max_completion_tokens": self.max_tokens,
        }
        if self.tools:
            body |= {"tools": list(self.tools)} | ({"tool_choice": "none"} if self.answer_only else {})
        return body

    def worst(self) -> Tokens:
        """A token is at least one byte, so the request's bytes bound its input."""
        return Tokens(input=len(orjson.dumps(self.body())) + OVERHEAD_TOKENS, output=self.max_tokens)


def chat_call(
    provider: OpenProvider, request: ChatRequest, *, timeout: float, listener: Listener | None = None
) -> Call:
    """The call whose outcome is {"content": text, "tool_calls": [{id, name, arguments}], "finish_reason"}.

    With `listener` the answer is streamed, and its words are told as they come; its outcome is the same.
    """

    def make(call_id: str) -> Reply:
        if listener is not None:
            listener.begin()
        most = WHOLE if listener is None else STREAMED
        with provider.call(request.model, timeout, most_bytes=most) as sdk, translated():
            options: RequestOptions = {"timeout": timeout, "headers": {"X-Client-Request-Id": call_id}}
            answer = _whole(sdk, request, options) if listener is None else _streamed(sdk, request, options, listener)
            return Reply(answer.outcome(), answer.drawn())

    return Call("model", request.model, request.body(), request.worst(), make)


def _whole(sdk: "OpenAI", request: ChatRequest, options: "RequestOptions") -> Answer:
    answer = Answer()
    content = orjson.dumps(request.body())  # the SDK would write it with the standard library's, and look at each part
    answer.take(sdk.post(COMPLETIONS, cast_to=object, content=content, options=options))
    return answer


def _streamed(sdk: "OpenAI", request: ChatRequest, options: "RequestOptions", listener: Listener) -> Answer:
    from openai import Stream  # noqa: PLC0415 - who has a client has paid for it

    content = orjson.dumps(request.body() | {"stream": True, "stream_options": {"include_usage": True}})
    kind = Stream[object]
    asked = sdk.post(COMPLETIONS, cast_to=object, content=content, options=options, stream=True, stream_cls=kind)
    with asked as pieces:
        if pieces.response.headers.get("content-type", "").startswith(WHOLE_ANSWER):
            return gathered([orjson.loads(pieces.response.read())], listener)
        return gathered(pieces, listener)

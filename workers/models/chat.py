"""One chat completion as a paid call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared.metering.prices import Tokens
from workers.models.errors import translated
from workers.models.provider import Provider
from workers.steps import Call, Reply

#: Tokens that a provider adds around messages and tools beyond their own bytes; far above what any does.
OVERHEAD_TOKENS = 256


@dataclass(frozen=True)
class ChatRequest:
    """What is sent. `max_tokens` is always sent, for it bounds what the call may draw."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    temperature: float
    max_tokens: int
    tools: Sequence[Mapping[str, Any]]

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": list(self.messages),
            "temperature": self.temperature,
            "max_completion_tokens": self.max_tokens,
        }
        return body | ({"tools": list(self.tools)} if self.tools else {})

    def worst(self) -> Tokens:
        """A token is at least one byte, so the request's bytes bound its input."""
        return Tokens(input=len(orjson.dumps(self.body())) + OVERHEAD_TOKENS, output=self.max_tokens)


def chat_call(provider: Provider, request: ChatRequest, *, timeout: float) -> Call:
    """The call whose outcome is {"content": text, "tool_calls": [{id, name, arguments}], "finish_reason"}."""

    def make(call_id: str) -> Reply:
        with provider.call(request.model, timeout) as sdk, translated():
            answer = sdk.chat.completions.create(
                **request.body(), timeout=timeout, extra_headers={"X-Client-Request-Id": call_id}
            )
        return Reply(_outcome(answer), _drawn(answer.usage))

    return Call("model", request.model, request.body(), request.worst(), make)


def _outcome(answer: Any) -> dict[str, Any]:
    choice = answer.choices[0]
    calls = [
        {"id": storable(call.id), "name": storable(call.function.name), "arguments": storable(call.function.arguments)}
        for call in choice.message.tool_calls or []
    ]
    content = storable(choice.message.content or "")
    return {"content": content, "tool_calls": calls, "finish_reason": choice.finish_reason}


def storable(text: str) -> str:
    """Postgres stores every character but NUL, and no half of a surrogate pair."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _drawn(usage: Any) -> Tokens:
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens or 0) if details else 0
    return Tokens(input=usage.prompt_tokens, output=usage.completion_tokens, cached=cached)

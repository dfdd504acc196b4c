"""A reply as OpenAI writes it down: one object, or a stream of chunks.

Ids come from the request and the time is fixed, so that the same request has the same answer to the byte.
"""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from shared.rehearsal import tokens
from shared.rehearsal.chat import Reply

#: When every answer says it was made, in seconds since 1970 (2026-01-01): a clock would break determinism.
CREATED = 1_767_225_600


def usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def completion(reply: Reply, model: str, key: str) -> bytes:
    """The whole reply as one object; `key` makes its ids."""
    message: dict[str, Any] = {"role": "assistant", "content": _content(reply), "refusal": None}
    if reply.wanted:
        message["tool_calls"] = [_tool_call(reply, index, key) for index in range(len(reply.wanted))]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    head = _head("chat.completion", model, key)
    return _written(head | {"choices": [choice], "usage": usage(reply.input_tokens, reply.output_tokens)})


def chunks(reply: Reply, model: str, key: str, *, chunk_tokens: int, include_usage: bool) -> Iterator[bytes]:
    """The reply as server-sent events."""
    head = _head("chat.completion.chunk", model, key)
    for delta in _deltas(reply, key, chunk_tokens):
        yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]})
    if include_usage:
        yield _event(head | {"choices": [], "usage": usage(reply.input_tokens, reply.output_tokens)})
    yield b"data: [DONE]\n\n"


def _deltas(reply: Reply, key: str, chunk_tokens: int) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": None if _content(reply) is None else ""}
    for piece in tokens.pieces(reply.text, chunk_tokens):
        yield {"content": piece}
    for index, wanted in enumerate(reply.wanted):
        yield {"tool_calls": [{"index": index} | _tool_call(reply, index, key, arguments="")]}
        for piece in tokens.pieces(wanted.arguments, chunk_tokens):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _head(kind: str, model: str, key: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{key}", "object": kind, "created": CREATED, "model": model}


def _content(reply: Reply) -> str | None:
    """One who asks for tools need not say anything."""
    return reply.text or (None if reply.wanted else "")


def _tool_call(reply: Reply, index: int, key: str, arguments: str | None = None) -> dict[str, Any]:
    wanted = reply.wanted[index]
    made = f"call_{key}_{index}" if index else f"call_{key}"
    function = {"name": wanted.name, "arguments": wanted.arguments if arguments is None else arguments}
    return {"id": wanted.id or made, "type": "function", "function": function}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + _written(chunk) + b"\n\n"


def _written(body: dict[str, Any]) -> bytes:
    """As JSON. Half of a surrogate pair, which a script may ask for, only the slow writer writes."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body).encode()

"""A reply as OpenAI writes it down: one object, or a stream of chunks.

Ids come from the request and the time is fixed, so that the same request has the same answer to the byte.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from shared.rehearsal import tokens
from shared.rehearsal.chat import SEARCH, Reply

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
    message: dict[str, Any] = {"role": "assistant", "content": None if reply.search else reply.text, "refusal": None}
    if reply.search:
        message["tool_calls"] = [_search(reply.text, key)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    head = _head("chat.completion", model, key)
    return orjson.dumps(head | {"choices": [choice], "usage": usage(reply.input_tokens, reply.output_tokens)})


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
    yield {"role": "assistant", "content": None if reply.search else ""}
    if reply.search:
        yield {"tool_calls": [{"index": 0} | _search("", key)]}
    for piece in tokens.pieces(reply.text, chunk_tokens):
        if reply.search:
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        else:
            yield {"content": piece}


def _head(kind: str, model: str, key: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{key}", "object": kind, "created": CREATED, "model": model}


def _search(arguments: str, key: str) -> dict[str, Any]:
    return {"id": f"call_{key}", "type": "function", "function": {"name": SEARCH, "arguments": arguments}}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"

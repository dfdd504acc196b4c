"""One call for embeddings as a paid call."""

from base64 import b64decode
from collections.abc import Callable, Sequence
from struct import unpack
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from shared.invalid import first_wrong
from shared.metering.prices import Tokens
from shared.stores.postgres import Connection
from workers.calls import Call, CallLost, Reply
from workers.models.answer import Count
from workers.models.errors import translated
from workers.models.provider import OpenProvider

Vector = list[float]

#: Where embeddings are asked for, below a provider's address.
EMBEDDINGS = "/embeddings"

#: Bytes of a number, where they come as base64.
NUMBER = 4

#: Largest number of a vector: of single precision, as all who keep it have it.
LARGEST = 3.4028234663852886e38


class _Row(BaseModel):
    index: Count
    embedding: str | Vector


class _Usage(BaseModel):
    prompt_tokens: Count


class _Answer(BaseModel):
    data: list[_Row]
    usage: _Usage


def embedding_call(
    provider: OpenProvider,
    model: str,
    texts: Sequence[str],
    *,
    timeout: float,
    keep: Callable[[Connection, list[Vector]], None] | None = None,
) -> Call:
    """The call whose outcome is {"vectors": [...]}; with `keep`, which stores them with the outcome, {"kept": n}."""
    request: dict[str, Any] = {"model": model, "input": list(texts)}

    def make(call_id: str) -> Reply:
        options: Any = {"timeout": timeout, "headers": {"X-Client-Request-Id": call_id}}
        content = orjson.dumps(request | {"encoding_format": "base64"})
        with provider.call(model, timeout) as sdk, translated():
            answer = _read(sdk.post(EMBEDDINGS, cast_to=object, content=content, options=options))
        vectors, drawn = _vectors(answer.data, len(texts)), Tokens(input=answer.usage.prompt_tokens)
        if keep is None:
            return Reply({"vectors": vectors}, drawn)
        return Reply({"kept": len(vectors)}, drawn, effects=lambda connection: keep(connection, vectors))

    worst = Tokens(input=sum(len(text.encode()) for text in texts) + len(texts))
    return Call("embedding", model, request, worst, make)


def _read(sent: object) -> _Answer:
    try:
        return _Answer.model_validate(sent)
    except ValidationError as error:
        raise CallLost(f"the answer was no embedding: {first_wrong(error).said}") from None


def _vectors(rows: Sequence[_Row], number: int) -> list[Vector]:
    """One vector for each text, in the order of the texts; a text without one would wait, and be paid for, for ever."""
    by_text = {row.index: _numbers(row.embedding) for row in rows if row.embedding}
    if by_text.keys() != set(range(number)):
        raise CallLost(f"the answer was not whole: {len(by_text)} vectors for {number} texts")
    if len({len(vector) for vector in by_text.values()}) > 1:
        raise CallLost("the answer's vectors are not of one length")
    return [by_text[index] for index in range(number)]


def _numbers(embedding: str | Vector) -> Vector:
    """Providers write them out where they do not know base64."""
    if isinstance(embedding, str):
        try:
            raw = b64decode(embedding, validate=True)
        except ValueError as error:
            raise CallLost(f"the answer was no embedding: {error}") from error
        if len(raw) % NUMBER:
            raise CallLost("the answer was no embedding: a vector is cut")
        embedding = list(unpack(f"<{len(raw) // NUMBER}f", raw))
    if not all(-LARGEST <= number <= LARGEST for number in embedding):  # nor is what is not a number
        raise CallLost("the answer was no embedding: a vector has something in it that is no number, or too large")
    return embedding

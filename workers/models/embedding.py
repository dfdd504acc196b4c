"""One call for embeddings as a paid call."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.metering.prices import Tokens
from shared.stores.postgres import Connection
from workers.calls import Call, CallLost, Reply
from workers.models.errors import translated
from workers.models.provider import Provider

Vector = list[float]


def embedding_call(
    provider: Provider,
    model: str,
    texts: Sequence[str],
    *,
    timeout: float,
    keep: Callable[[Connection, list[Vector]], None] | None = None,
) -> Call:
    """The call whose outcome is {"vectors": [...]}; with `keep`, which stores them with the outcome, {"kept": n}."""

    def make(call_id: str) -> Reply:
        with provider.call(model, timeout) as sdk, translated():
            answer = sdk.embeddings.create(
                model=model, input=list(texts), timeout=timeout, extra_headers={"X-Client-Request-Id": call_id}
            )
        try:
            vectors, drawn = _vectors(answer.data, len(texts)), Tokens(input=int(answer.usage.prompt_tokens))
        except (AttributeError, TypeError) as error:  # the SDK checks no field of what came
            raise CallLost(f"the answer was no embedding: {error}") from error
        if keep is None:
            return Reply({"vectors": vectors}, drawn)
        return Reply({"kept": len(vectors)}, drawn, effects=lambda connection: keep(connection, vectors))

    worst = Tokens(input=sum(len(text.encode()) for text in texts) + len(texts))
    request: dict[str, Any] = {"model": model, "input": list(texts)}
    return Call("embedding", model, request, worst, make)


def _vectors(rows: Sequence[Any], number: int) -> list[Vector]:
    """One vector for each text, in the order of the texts; a text without one would wait, and be paid for, for ever."""
    by_text = {row.index: row.embedding for row in rows if row.embedding}
    if by_text.keys() != set(range(number)):
        raise CallLost(f"the answer was not whole: {len(by_text)} vectors for {number} texts")
    return [by_text[index] for index in range(number)]

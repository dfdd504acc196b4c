"""A call for embeddings: each text gets its own vector, or none is kept."""

from contextlib import nullcontext
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from workers.calls import Call, CallLost
from workers.models.clients import Clients
from workers.models.embedding import embedding_call
from workers.models.provider import Provider


def answered(*vectors: tuple[int, list[float]]) -> Call:
    """A call for two texts, which a provider answers with these (index, vector)."""
    data = [SimpleNamespace(index=index, embedding=vector) for index, vector in vectors]
    answer = SimpleNamespace(data=data, usage=SimpleNamespace(prompt_tokens=2))
    embeddings: Any = SimpleNamespace(create=lambda **_: answer)
    clients = cast("Clients", SimpleNamespace(lent=lambda *_: nullcontext(SimpleNamespace(embeddings=embeddings))))
    provider = Provider(clients, "http://localhost", lambda: SecretStr("sk-test-key"), lambda: inf)
    return embedding_call(provider, "rehearsal-embed", ["a", "b"], timeout=1)


def test_vectors_are_told_apart_by_their_index() -> None:
    assert answered((1, [2.0]), (0, [1.0])).make("call").outcome == {"vectors": [[1.0], [2.0]]}


@pytest.mark.parametrize("vectors", [[], [(0, [1.0])], [(0, [1.0]), (0, [1.0])], [(0, [1.0]), (1, [])]])
def test_an_answer_that_lacks_a_vector_is_not_whole(vectors: list[tuple[int, list[float]]]) -> None:
    call = answered(*vectors)
    with pytest.raises(CallLost):
        call.make("call")

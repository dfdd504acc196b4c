"""A call for embeddings: each text gets its own vector, or none is kept."""

import struct
from base64 import b64encode
from contextlib import nullcontext
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from shared.metering.prices import Tokens
from workers.calls import Call, CallLost
from workers.models.clients import Clients
from workers.models.embedding import embedding_call
from workers.models.provider import OpenProvider

ONE, TWO = {"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [2.0]}

USAGE = {"prompt_tokens": 2}


def answered(answer: Any) -> Call:
    """A call for two texts, which a provider answers so."""
    clients = cast(
        "Clients", SimpleNamespace(lent=lambda *_: nullcontext(SimpleNamespace(post=lambda *_, **__: answer)))
    )
    provider = OpenProvider(clients, "http://localhost", lambda: SecretStr("sk-test-key"), lambda: inf)
    return embedding_call(provider, "rehearsal-embed", ["a", "b"], timeout=1)


def packed(*numbers: float) -> str:
    return b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_vectors_are_told_apart_by_their_index_and_may_be_written_out_or_not() -> None:
    reply = answered({"data": [{"index": 1, "embedding": packed(2.0)}, ONE], "usage": USAGE}).make("call")
    assert (reply.outcome, reply.drawn) == ({"vectors": [[1.0], [2.0]]}, Tokens(2))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [ONE],
        [ONE, ONE],
        [ONE, {"index": 1, "embedding": []}],
        [ONE, {"index": 1, "embedding": [1.0, 2.0]}],
        [ONE, {"index": 1, "embedding": ["much"]}],
        [ONE, {"index": 1, "embedding": "no base64!"}],
        [ONE, {"index": 1, "embedding": packed(1.0)[:4]}],
        [ONE, {"index": 1, "embedding": packed(inf)}],
        [ONE, {"index": 1, "embedding": [float("nan")]}],
        [ONE, {"index": 1, "embedding": [1e300]}],
        [ONE, {"index": -1, "embedding": [2.0]}],
        [ONE, 7],
    ],
)
def test_an_answer_that_lacks_a_vector_may_have_been_drawn_and_is_not_whole(rows: list[Any]) -> None:
    with pytest.raises(CallLost):
        answered({"data": rows, "usage": USAGE}).make("call")


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": -5}, {"prompt_tokens": "many"}, {"prompt_tokens": 2**40}]
)
def test_an_answer_whose_usage_cannot_be_billed_may_have_been_drawn(usage: Any) -> None:
    with pytest.raises(CallLost):
        answered({"data": [ONE, TWO], "usage": usage}).make("call")


@pytest.mark.parametrize("answer", [None, "", "words", [], {"error": {"message": "overloaded"}}])
def test_an_answer_that_is_none_may_have_been_drawn(answer: Any) -> None:
    with pytest.raises(CallLost, match="was no embedding"):
        answered(answer).make("call")

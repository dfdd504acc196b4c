"""The rehearsal model's own account of what it served, against what clients were told."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from shared.errors import Unavailable
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.rehearsal.log import Status, Total

KEYS = ("sk-a-secret-of-acme-000001", "sk-a-secret-of-beta-000002")


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with rehearsal() as model:
        yield model


@pytest.fixture
def model(running: Rehearsal) -> Rehearsal:
    running.clear()
    return running


def call(model: Rehearsal, key: str, request_id: str) -> Total:
    """One chat and one embedding; what the client was told that they cost."""
    with openai.OpenAI(base_url=model.url, api_key=key, max_retries=0) as client:
        headers = {"X-Client-Request-Id": request_id}
        chat = client.chat.completions.create(
            model="rehearsal-1", messages=[{"role": "user", "content": f"I am {key}"}], extra_headers=headers
        )
        embedded = client.embeddings.create(model="rehearsal-embed", input=["one", "two"], extra_headers=headers)
    assert chat.usage
    return Total(2, chat.usage.prompt_tokens + embedded.usage.prompt_tokens, chat.usage.completion_tokens)


def test_totals_are_what_each_client_was_told(model: Rehearsal) -> None:
    told = {key: call(model, key, key) for key in KEYS}
    assert {key: model.total(key) for key in KEYS} == told
    assert len(model.totals()) == 2


def test_log_is_read_by_the_whole_key_and_does_not_show_it(model: Rehearsal) -> None:
    for key in KEYS:
        call(model, key, key)
    served = model.served(KEYS[0])
    assert [(entry.endpoint, entry.status) for entry in served] == [
        ("/v1/chat/completions", Status.ANSWERED),
        ("/v1/embeddings", Status.ANSWERED),
    ]
    assert all(KEYS[0] not in entry.api_key and entry.api_key.endswith("000001") for entry in served)


def test_call_is_looked_up_by_its_request_id(model: Rehearsal) -> None:
    call(model, KEYS[0], "job/7 step?3")
    assert [entry.model for entry in model.lookup("job/7 step?3")] == ["rehearsal-1", "rehearsal-embed"]
    assert model.lookup("job/7 step?4") == []


def test_books_survive_the_server(tmp_path: Path) -> None:
    books = tmp_path / "served.jsonl"
    with rehearsal(log=books) as first:
        told = call(first, KEYS[0], "before")
        written = first.served()
    with rehearsal(log=books) as second:
        assert second.served() == written
        assert second.total(KEYS[0]) == told
        call(second, KEYS[0], "after")
        assert [entry.number for entry in second.served()] == [1, 2, 3, 4]


def test_server_that_is_gone_is_unavailable() -> None:
    with rehearsal() as gone:
        pass
    with pytest.raises(Unavailable, match="is it running"):
        gone.served()

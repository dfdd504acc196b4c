"""Documents: seen when they are complete, replaced by what came later, embedded once and in few jobs."""

from pydoc_data.topics import topics
from typing import Any

import pytest

from shared import ids
from shared.cell import Cell
from shared.knowledge import documents
from shared.knowledge.documents import Document
from shared.knowledge.search import search
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.walking import finished, submit
from tests.support.workers import eventually, workers

KEY_OF_THE_MODEL = "sk-test-key"

BASE = "default"


@pytest.fixture
def acme(cell: Cell) -> Cell:
    make_tenant(cell, "acme")
    return cell


def stored(cell: Cell, name: str, *texts: str) -> None:
    content = "\n".join(texts).encode()
    chunks = [(None, text) for text in texts]
    hashed = documents.hash_of(content)
    document = Document(ids.new(), BASE, name, name, "text/plain", hashed, len(content), chunks)
    with cell.database.transaction("acme") as connection:
        documents.store(connection, "acme", document, embedding_model="rehearsal-embed")


def embedded(cell: Cell, most: int = 100) -> None:
    """The next pending chunks get their vectors."""
    with cell.database.transaction("acme") as connection:
        chunks = documents.pending(connection, "acme", BASE, most)
        documents.store_vectors(connection, "acme", BASE, chunks, [[1.0, 0.0]] * len(chunks))


def seen(cell: Cell, query: str = "words") -> set[str]:
    """The passages that searches find."""
    with cell.database.transaction("acme") as connection:
        found = search(connection, "acme", [BASE], query=query, vector=[1.0, 0.0], limit=50)
    return {passage.text for passage in found.passages}


def rows(cell: Cell, statement: str) -> list[dict[str, Any]]:
    with cell.database.transaction("acme") as connection:
        return connection.execute(statement).fetchall()


def test_a_document_is_unseen_until_all_of_it_is_embedded(acme: Cell) -> None:
    stored(acme, "a", "first words", "second words")
    assert seen(acme) == set()
    embedded(acme, 1)
    assert seen(acme) == set()
    embedded(acme, 1)
    assert seen(acme) == {"first words", "second words"}


def test_the_old_content_is_seen_until_the_new_is_complete_and_never_both(acme: Cell) -> None:
    stored(acme, "a", "old words")
    embedded(acme)
    stored(acme, "a", "new words", "more words")
    embedded(acme, 1)
    assert seen(acme) == {"old words"}
    embedded(acme, 1)
    assert seen(acme) == {"new words", "more words"}
    assert len(rows(acme, "SELECT FROM tenant.documents")) == 1


def test_of_two_that_are_on_their_way_the_later_is_the_document(acme: Cell) -> None:
    stored(acme, "a", "first words")
    stored(acme, "a", "second words")
    embedded(acme)
    assert seen(acme) == {"second words"}


def test_content_that_comes_back_before_what_replaced_it_is_complete_is_the_document(acme: Cell) -> None:
    stored(acme, "a", "first words")
    embedded(acme)
    stored(acme, "a", "second words")
    stored(acme, "a", "first words")
    embedded(acme)
    assert seen(acme) == {"first words"}
    assert len(rows(acme, "SELECT FROM tenant.documents")) == 1


def test_documents_of_other_names_stay(acme: Cell) -> None:
    stored(acme, "a", "words of a")
    stored(acme, "b", "words of b")
    embedded(acme)
    stored(acme, "a", "new words of a")
    embedded(acme)
    assert seen(acme) == {"new words of a", "words of b"}


def ingested(cell: Cell, key: str, name: str, text: str) -> dict[str, Any]:
    row = finished(cell, "acme", submit(cell, "knowledge.ingest", {"name": name, "text": text}, key))
    assert row["state"] == "done", row["error"]
    result: dict[str, Any] = row["result"]
    return result


def complete(cell: Cell, many: int) -> None:
    done = "SELECT FROM tenant.documents WHERE complete_at IS NOT NULL"
    waiting = "SELECT FROM tenant.jobs WHERE state IN ('waiting', 'running')"
    eventually(lambda: len(rows(cell, done)) == many and not rows(cell, waiting), f"{many} documents are complete")


def test_the_same_content_again_is_a_no_op(speaking_cell: Cell, model: Rehearsal) -> None:
    cell = speaking_cell
    key = make_tenant(cell, "acme").secret
    with workers(cell, ["ingest.pro", "embed.pro"]):
        first = ingested(cell, key, "with", topics["with"])
        complete(cell, 1)
        calls = model.total(KEY_OF_THE_MODEL).calls
        again = ingested(cell, key, "with", topics["with"])
        assert again == {"document": first["document"], "unchanged": True}
        complete(cell, 1)
    assert model.total(KEY_OF_THE_MODEL).calls == calls
    assert len(rows(cell, "SELECT FROM tenant.jobs WHERE kind = 'knowledge.embed'")) == 1


def test_many_ingests_are_embedded_by_few_jobs_in_full_batches(speaking_cell: Cell, model: Rehearsal) -> None:
    cell = speaking_cell
    key = make_tenant(cell, "acme").secret
    names = sorted(topics)[:20]
    with workers(cell, ["ingest.pro"]):
        for name in names:
            ingested(cell, key, name, topics[name])
    waiting = rows(cell, "SELECT FROM tenant.jobs WHERE kind = 'knowledge.embed'")
    assert len(waiting) == 1
    chunks = len(rows(cell, "SELECT FROM tenant.chunks"))
    with workers(cell, ["embed.pro"]):
        complete(cell, 20)
    calls = model.total(KEY_OF_THE_MODEL).calls
    assert calls == -(-chunks // 64)


def test_embed_jobs_that_run_beside_each_other_pay_no_chunk_twice(speaking_cell: Cell, model: Rehearsal) -> None:
    """Documents come while an embed job runs, so another is made beside it; both look at the same chunks."""
    cell = speaking_cell
    model.settings(latency=0.3)
    key = make_tenant(cell, "acme").secret
    with workers(cell, ["ingest.pro", "embed.pro"], slots=8):
        jobs = [
            submit(cell, "knowledge.ingest", {"name": name, "text": topics[name]}, key) for name in sorted(topics)[:16]
        ]
        for each in jobs:
            finished(cell, "acme", each)
        complete(cell, 16)
    embedded_texts = rows(cell, "SELECT FROM tenant.chunks")
    paid = rows(cell, "SELECT sum(input_tokens)::bigint AS tokens FROM tenant.steps WHERE kind = 'embedding'")
    model.settings(latency=0)
    model.clear()
    assert len(embedded_texts) > 64
    assert paid[0]["tokens"] == once(cell, model)


def once(cell: Cell, model: Rehearsal) -> int:
    """What embedding every chunk exactly once draws."""
    from openai import OpenAI  # noqa: PLC0415 - only this test speaks to the model itself

    statement = """
    SELECT d.title, c.heading, c.text, c.document_id, c.ordinal FROM tenant.chunks c
    JOIN tenant.documents d USING (tenant_id, document_id)
    """
    chunks = [documents.PendingChunk(**row) for row in rows(cell, statement)]
    with OpenAI(api_key="sk-other-key", base_url=model.url) as client:
        for start in range(0, len(chunks), 256):
            texts = [chunk.embedded_text for chunk in chunks[start : start + 256]]
            client.embeddings.create(model="rehearsal-embed", input=texts)
    return model.total("sk-other-key").input_tokens


def test_a_worker_killed_between_two_batches_pays_no_chunk_twice(speaking_cell: Cell, model: Rehearsal) -> None:
    cell = speaking_cell
    key = make_tenant(cell, "acme").secret
    with workers(cell, ["ingest.pro"]):
        for name in ("specialnames", "types", "assignment"):
            ingested(cell, key, name, topics[name])
    model.settings(faults=[{"fault": "hang", "after": 1, "model": "rehearsal-embed"}])
    with workers(cell, ["embed.pro"]) as (doomed,):
        eventually(lambda: model.struck() == [1], "it is in its second batch, of which nothing will be served")
        doomed.kill()
        half = rows(cell, "SELECT FROM tenant.chunks WHERE embedding IS NOT NULL")
        assert len(half) == 64
        with workers(cell, ["embed.pro"]):
            complete(cell, 3)
    served = model.total(KEY_OF_THE_MODEL)
    chunks = len(rows(cell, "SELECT FROM tenant.chunks"))
    assert served.calls == -(-chunks // 64)
    assert served.input_tokens == once(cell, model)

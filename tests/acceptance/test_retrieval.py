"""Retrieval is real: over Python's language reference the right topic is among the first five passages."""

import json
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

from openai import OpenAI

from shared import ids
from shared.cell import Cell
from shared.knowledge import documents
from shared.knowledge.documents import Document
from shared.knowledge.search import search
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from workers.ingest.split import split

QUESTIONS = json.loads(Path(__file__).with_name("questions.json").read_text())

BASE, MODEL = "default", "rehearsal-embed"

#: Texts in one request for embeddings.
BATCH = 256

#: Of ten questions, at least seven find their topic among five passages.
ENOUGH = 0.7


def test_the_right_topic_is_among_the_first_five_passages(speaking_cell: Cell, model: Rehearsal) -> None:
    cell, client = speaking_cell, OpenAI(api_key="sk-test-key", base_url=model.url)
    make_tenant(cell, "acme")
    for name, text in topics.items():
        keep(cell, name, text)
    embed_all(cell, client)
    asked = [question["question"] for question in QUESTIONS]
    found = [topics_found(cell, *pair) for pair in zip(asked, vectors_of(client, asked), strict=True)]
    hits = [bool(wanted(question) & topic) for question, topic in zip(QUESTIONS, found, strict=True)]
    recall = sum(hits) / len(hits)
    print(f"recall@5 {recall:.2f} over {len(hits)} questions")
    assert len(hits) >= 40
    assert recall >= ENOUGH, [question for question, hit in zip(asked, hits, strict=True) if not hit]
    client.close()


def keep(cell: Cell, name: str, text: str) -> None:
    """A topic as ingestion would store it."""
    content = text.encode()
    chunks = [(passage.heading, passage.text) for passage in split(text, title=name)]
    hashed = documents.hash_of(content)
    document = Document(ids.new(), BASE, name, name, "text/plain", hashed, len(content), chunks)
    with cell.database.transaction("acme") as connection:
        documents.store(connection, "acme", document, embedding_model=MODEL)


def embed_all(cell: Cell, client: OpenAI) -> None:
    while True:
        with cell.database.transaction("acme") as connection:
            chunks = documents.pending(connection, "acme", BASE, BATCH)
            if not chunks:
                return
            vectors = vectors_of(client, [chunk.embedded_text for chunk in chunks])
            documents.store_vectors(connection, "acme", BASE, chunks, vectors)


def vectors_of(client: OpenAI, texts: Sequence[str]) -> list[list[float]]:
    return [row.embedding for row in client.embeddings.create(model=MODEL, input=list(texts)).data]


def topics_found(cell: Cell, question: str, vector: list[float]) -> set[str]:
    with cell.database.transaction("acme") as connection:
        found = search(connection, "acme", [BASE], query=question, vector=vector, limit=5)
    return {passage.name for passage in found.passages}


def wanted(question: dict[str, object]) -> set[str]:
    """The topics that answer a question."""
    also = question["also"]
    assert isinstance(also, list)
    return {str(question["topic"]), *also}

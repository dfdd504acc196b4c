"""`knowledge.embed`: embeds whatever waits in a knowledge base, in full batches, whoever asked for it.

One run at a time for each knowledge base: two would send the same chunks, and both would be paid for.

A batch's place in the journal is the hash of its chunks, and its vectors are stored in the transaction that journals
the answer: a chunk that has been paid for is never sent again.
"""

import hashlib
import random
from collections.abc import Sequence

from shared.contracts.payloads import KnowledgeEmbed
from shared.contracts.results import EmbedResult
from shared.knowledge import documents
from shared.knowledge.documents import PendingChunk
from shared.ledger import reading
from shared.stores.postgres import Connection
from workers.models.embedding import Vector
from workers.outcomes import Done, Outcome, Snooze
from workers.run.context import Context

#: Chunks per call: 64 passages of about 1,000 characters are some 16,000 tokens, well within every provider's bounds.
BATCH = 64

#: Batches per run; then the job goes to the back of its lane's order, so that a huge base does not hold its slot.
BATCHES_PER_RUN = 16

#: Longest time one call may take, in seconds.
CALL_TIMEOUT = 60.0

#: Bounds in seconds of the wait for another run of this base; random, so that two that met do not meet again.
SOON, LATER = 0.3, 1.0


def embed(context: Context, payload: KnowledgeEmbed) -> Outcome:
    tenant, base = context.tenant.tenant_id, payload.knowledge_base
    with context.reading() as connection:
        model = documents.embedding_model(connection, tenant, base)
        another = _another_runs(context, connection, base)
    if another:
        return Snooze(random.uniform(SOON, LATER))  # noqa: S311 - spreads runs, hides nothing
    if model is None:
        return Done(EmbedResult(chunks=0))
    embedded = 0
    for _ in range(BATCHES_PER_RUN):
        with context.reading() as connection:
            chunks = documents.pending(connection, tenant, base, BATCH)
        if not chunks:
            return Done(EmbedResult(chunks=embedded))
        _embed_batch(context, base, model, chunks)
        embedded += len(chunks)
    return Snooze(0)


def _another_runs(context: Context, connection: Connection, base: str) -> bool:
    """Asked after this run's own start was committed: of two runs, at least one sees the other."""
    run = context.run
    return reading.another_runs(connection, run.tenant, run.job, kind=run.kind, asked={"knowledge_base": base})


def _embed_batch(context: Context, base: str, model: str, chunks: Sequence[PendingChunk]) -> None:
    def keep(connection: Connection, vectors: list[Vector]) -> None:
        documents.store_vectors(connection, context.tenant.tenant_id, base, chunks, vectors)

    texts = [chunk.embedded_text for chunk in chunks]
    context.models.embed(f"batch.{_digest(chunks)}", model, texts, timeout=CALL_TIMEOUT, keep=keep)


def _digest(chunks: Sequence[PendingChunk]) -> str:
    facts = "\n".join(f"{chunk.document_id} {chunk.ordinal}" for chunk in chunks)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]

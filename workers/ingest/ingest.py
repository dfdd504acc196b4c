"""`knowledge.ingest`: one document, read, split and stored; its chunks wait for the coalescing `knowledge.embed`."""

from shared import ids
from shared.contracts.payloads import KnowledgeEmbed, KnowledgeIngest
from shared.contracts.results import IngestResult
from shared.knowledge import documents
from shared.knowledge.documents import Document
from workers.ingest.parse import parse
from workers.ingest.parsed import UnreadableDocument
from workers.ingest.split import split
from workers.outcomes import Discard, Done, Outcome
from workers.run.context import Context


def ingest(context: Context, payload: KnowledgeIngest) -> Outcome:
    """The same content under the same name again is a no-op."""
    content, tenant = payload.body, context.tenant.tenant_id
    content_hash = documents.hash_of(content)
    context.charge(len(content))
    with context.reading() as connection:
        known = documents.find(connection, tenant, payload.knowledge_base, payload.name, content_hash)
    if known is not None:
        return Done(IngestResult(document=known, unchanged=True))
    try:
        document = _read(payload, content, content_hash)
    except UnreadableDocument as error:
        return Discard(str(error))
    embed = KnowledgeEmbed(knowledge_base=payload.knowledge_base)
    return Done(
        IngestResult(document=document.document_id, chunks=len(document.chunks)),
        effects=lambda connection: documents.store(
            connection, tenant, document, embedding_model=context.settings.embedding_model
        ),
        children=(context.child("knowledge.embed", embed, coalesce_key=f"embed/{payload.knowledge_base}"),),
    )


def _read(payload: KnowledgeIngest, content: bytes, content_hash: bytes) -> Document:
    parsed = parse(content, payload.media_type, name=payload.name)
    title = parsed.title or payload.name
    return Document(
        document_id=ids.new(),
        knowledge_base=payload.knowledge_base,
        name=payload.name,
        title=title,
        media_type=parsed.media_type,
        content_hash=content_hash,
        size=len(content),
        chunks=[(passage.heading, passage.text) for passage in split(parsed.text, title=title)],
    )

"""Documents and their chunks, as they come in.

A document is stored with its chunks in one transaction, and seen by searches once all of them are embedded. Where two
documents of a knowledge base have one name, the one that came later is the document: it takes the other's place when it
is complete.

Whatever searches can see of a knowledge base changes together with its version, in one commit: what was found under a
version is what would be found under it again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from pgvector import Vector as PgVector
from psycopg.rows import class_row

from shared.stores.postgres import Connection, one

#: Only the newest of a name counts: content that another has come after must come again to be the document.
FIND = """
SELECT document_id FROM (
    SELECT document_id, content_hash FROM tenant.documents
    WHERE tenant_id = %s AND knowledge_base = %s AND name = %s ORDER BY seq DESC LIMIT 1) AS newest
WHERE content_hash = %s
"""

ENSURE_KNOWLEDGE_BASE = """
INSERT INTO tenant.knowledge_bases (tenant_id, knowledge_base, embedding_model) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""

STORE_DOCUMENT = """
INSERT INTO tenant.documents (tenant_id, document_id, knowledge_base, name, title, media_type, content_hash, bytes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, knowledge_base, name, content_hash) DO UPDATE SET seq = DEFAULT
RETURNING document_id
"""

STORE_CHUNKS = """
INSERT INTO tenant.chunks (tenant_id, document_id, ordinal, heading, text)
SELECT %s, %s, new.* FROM unnest(%s::int[], %s::text[], %s::text[]) AS new
"""

#: Of a knowledge base `k`. One that is made anew under its name has versions of its own, by when it was made.
VERSION = "concat(extract(epoch FROM k.created_at), '/', k.version)"

BASES = f"""
SELECT knowledge_base, embedding_model, {VERSION} AS version FROM tenant.knowledge_bases k
WHERE tenant_id = %s AND knowledge_base = ANY(%s) ORDER BY knowledge_base
"""

EMBEDDING_MODEL = "SELECT embedding_model FROM tenant.knowledge_bases WHERE tenant_id = %s AND knowledge_base = %s"

PENDING = """
SELECT c.document_id, c.ordinal, d.title, c.heading, c.text FROM tenant.chunks c
JOIN tenant.documents d USING (tenant_id, document_id)
WHERE c.tenant_id = %s AND d.knowledge_base = %s AND c.embedding IS NULL
ORDER BY d.seq, c.ordinal LIMIT %s
"""

STORE_VECTORS = """
UPDATE tenant.chunks SET embedding = new.embedding
FROM unnest(%s::uuid[], %s::int[], %s::vector[]) AS new (document_id, ordinal, embedding)
WHERE tenant_id = %s AND chunks.document_id = new.document_id AND chunks.ordinal = new.ordinal
"""

COMPLETE = """
UPDATE tenant.documents d SET complete_at = now()
WHERE tenant_id = %s AND document_id = ANY(%s) AND complete_at IS NULL
  AND NOT EXISTS (SELECT FROM tenant.chunks c WHERE c.tenant_id = d.tenant_id AND c.document_id = d.document_id
                  AND c.embedding IS NULL)
RETURNING true
"""

#: To be sent after each change that searches can see. The base's row, which all who change it wait for, is locked last:
#: counting what was replaced comes before it.
REPLACE_OLDER = """
WITH replaced AS (
    DELETE FROM tenant.documents old USING tenant.documents new
    WHERE old.tenant_id = %(tenant)s AND new.tenant_id = old.tenant_id AND new.knowledge_base = old.knowledge_base
      AND new.name = old.name AND old.seq < new.seq AND new.complete_at IS NOT NULL AND new.knowledge_base = %(base)s
    RETURNING true
)
UPDATE tenant.knowledge_bases SET version = version + 1
WHERE tenant_id = %(tenant)s AND knowledge_base = %(base)s AND (SELECT count(*) FROM replaced) >= 0
"""

EMBEDDING_MODELS = "SELECT DISTINCT embedding_model FROM tenant.knowledge_bases WHERE tenant_id = %s"


@dataclass(frozen=True)
class Document:
    """A document to be stored; `chunks` are (heading, text) in order."""

    document_id: UUID
    knowledge_base: str
    name: str
    title: str | None
    media_type: str
    content_hash: bytes
    size: int
    chunks: Sequence[tuple[str | None, str]]


@dataclass(frozen=True)
class KnowledgeBase:
    """Where a tenant's documents are; `version` grows with whatever searches see of it, and orders nothing."""

    knowledge_base: str
    embedding_model: str
    version: str


@dataclass(frozen=True)
class PendingChunk:
    """A chunk that waits for its vector."""

    document_id: UUID
    ordinal: int
    title: str | None
    heading: str | None
    text: str

    @property
    def embedded_text(self) -> str:
        """What is embedded: the passage under its title and heading."""
        return "\n".join(part for part in (self.title, self.heading, self.text) if part)


def hash_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def find(connection: Connection, tenant: str, knowledge_base: str, name: str, content_hash: bytes) -> UUID | None:
    """The document of this name with just this content, complete or on its way."""
    row = connection.execute(FIND, (tenant, knowledge_base, name, content_hash)).fetchone()
    return row["document_id"] if row else None


def embedding_models(connection: Connection, tenant: str) -> set[str]:
    """Of all the tenant's knowledge bases."""
    return {row["embedding_model"] for row in connection.execute(EMBEDDING_MODELS, (tenant,))}


def store(connection: Connection, tenant: str, document: Document, *, embedding_model: str) -> None:
    """Write a document and its chunks; a knowledge base that is new embeds with this model.

    Content that is there already, behind newer content of the name, becomes the newest again.
    """
    connection.execute(ENSURE_KNOWLEDGE_BASE, (tenant, document.knowledge_base, embedding_model))
    identity = (tenant, document.document_id, document.knowledge_base, document.name, document.title)
    values = (*identity, document.media_type, document.content_hash, document.size)
    stored = one(connection, STORE_DOCUMENT, values)["document_id"]
    if stored != document.document_id:
        connection.execute(REPLACE_OLDER, {"tenant": tenant, "base": document.knowledge_base})
    else:
        ordinals = list(range(len(document.chunks)))
        headings, texts = [heading for heading, _ in document.chunks], [text for _, text in document.chunks]
        connection.execute(STORE_CHUNKS, (tenant, document.document_id, ordinals, headings, texts))


def bases(connection: Connection, tenant: str, names: Iterable[str]) -> list[KnowledgeBase]:
    """Those of these knowledge bases that there are, by name."""
    with connection.cursor(row_factory=class_row(KnowledgeBase)) as cursor:
        return cursor.execute(BASES, (tenant, list(names))).fetchall()


def embedding_model(connection: Connection, tenant: str, knowledge_base: str) -> str | None:
    """The model of a knowledge base; None where there is no such base."""
    row = connection.execute(EMBEDDING_MODEL, (tenant, knowledge_base)).fetchone()
    return row["embedding_model"] if row else None


def pending(connection: Connection, tenant: str, knowledge_base: str, limit: int) -> list[PendingChunk]:
    """The chunks that have waited longest for their vectors."""
    with connection.cursor(row_factory=class_row(PendingChunk)) as cursor:
        return cursor.execute(PENDING, (tenant, knowledge_base, limit)).fetchall()


def store_vectors(
    connection: Connection,
    tenant: str,
    knowledge_base: str,
    chunks: Sequence[PendingChunk],
    vectors: Sequence[list[float]],
) -> None:
    """Write vectors, complete the documents that lack none any more, and let them take their predecessors' place."""
    documents, ordinals = [chunk.document_id for chunk in chunks], [chunk.ordinal for chunk in chunks]
    texts = [PgVector(vector).to_text() for vector in vectors]
    connection.execute(STORE_VECTORS, (documents, ordinals, texts, tenant))
    if connection.execute(COMPLETE, (tenant, list(set(documents)))).fetchall():
        connection.execute(REPLACE_OLDER, {"tenant": tenant, "base": knowledge_base})

"""Search over one tenant's passages: by meaning, by words, or by both, fused by reciprocal rank.

Exact over the tenant's own rows: an index over all tenants behind a tenant filter was measured to miss nine rows of
ten. Fusion: Cormack, Clarke and Büttcher, SIGIR 2009.

It is one statement, and so of one snapshot: the versions of the knowledge bases that it answers are those whose
passages it found, whatever is changed meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pgvector import Vector as PgVector

from shared.knowledge.documents import VERSION
from shared.stores.postgres import Connection

#: Vectors alone, full text alone, or both fused.
By = Literal["both", "meaning", "words"]

#: Grows whenever the same search over the same documents finds other passages than before.
SEARCH_VERSION = 1

#: The constant of reciprocal rank fusion, as its authors chose it.
FUSION = 60

#: Candidates that each of the two searches hands to the fusion.
CANDIDATES = 40

#: Without a vector nothing is found by meaning, without words nothing by words.
SEARCH = f"""
WITH visible AS MATERIALIZED (
    SELECT c.document_id, c.ordinal, d.name, d.title, c.heading, c.text, c.embedding, c.words
    FROM tenant.chunks c JOIN tenant.documents d USING (tenant_id, document_id)
    WHERE c.tenant_id = %(tenant)s AND d.knowledge_base = ANY(%(bases)s) AND d.complete_at IS NOT NULL
), asked AS (
    SELECT to_tsquery('english', nullif(replace(plainto_tsquery('english', %(words)s)::text, '&', '|'), '')) AS words
), by_meaning AS (
    SELECT document_id, ordinal, row_number() OVER (ORDER BY embedding <=> %(vector)s::vector) AS rank FROM visible
    WHERE vector_dims(embedding) = %(dimensions)s
    ORDER BY embedding <=> %(vector)s::vector LIMIT %(candidates)s
), by_words AS (
    SELECT document_id, ordinal, row_number() OVER (ORDER BY ts_rank_cd(v.words, asked.words, 1) DESC) AS rank
    FROM visible v, asked WHERE v.words @@ asked.words
    ORDER BY ts_rank_cd(v.words, asked.words, 1) DESC LIMIT %(candidates)s
), fused AS (
    SELECT document_id, ordinal, sum(1.0 / (%(fusion)s + rank)) AS score
    FROM (SELECT * FROM by_meaning UNION ALL SELECT * FROM by_words) AS ranked GROUP BY document_id, ordinal
), seen AS (
    SELECT coalesce(jsonb_object_agg(k.knowledge_base, {VERSION}), '{{}}') AS versions FROM tenant.knowledge_bases k
    WHERE k.tenant_id = %(tenant)s AND k.knowledge_base = ANY(%(bases)s)
)
SELECT seen.versions, found.* FROM seen LEFT JOIN (
    SELECT v.document_id, v.ordinal, v.name, v.title, v.heading, v.text, f.score::float8 AS score
    FROM fused f JOIN visible v USING (document_id, ordinal)
    ORDER BY f.score DESC, v.document_id, v.ordinal LIMIT %(limit)s) AS found ON true
ORDER BY found.score DESC, found.document_id, found.ordinal
"""


@dataclass(frozen=True)
class Passage:
    """A passage found. `score` orders the passages of one search and means nothing beyond it."""

    document_id: UUID
    ordinal: int
    name: str
    title: str | None
    heading: str | None
    text: str
    score: float


@dataclass(frozen=True)
class Found:
    """The best passages first, and of which versions of their knowledge bases they are."""

    passages: Sequence[Passage]
    versions: Mapping[str, str]


def search(
    connection: Connection,
    tenant: str,
    knowledge_bases: Sequence[str],
    *,
    query: str,
    vector: Sequence[float] | None,
    limit: int,
    by: By = "both",
) -> Found:
    """Over this tenant's complete documents. `vector`: the query, embedded by the bases' model; by words, none."""
    asked = {
        "tenant": tenant,
        "bases": list(knowledge_bases),
        "words": None if by == "meaning" else query,
        "candidates": CANDIDATES,
        "fusion": FUSION,
        "limit": limit,
    }
    rows = connection.execute(SEARCH, asked | _near(None if by == "words" else vector)).fetchall()
    versions = rows[0]["versions"]
    return Found([_passage(row) for row in rows if row["document_id"] is not None], versions)


def _near(vector: Sequence[float] | None) -> dict[str, Any]:
    if vector is None:
        return {"vector": None, "dimensions": None}
    return {"vector": PgVector(list(vector)).to_text(), "dimensions": len(vector)}


def _passage(row: Mapping[str, Any]) -> Passage:
    return Passage(**{name: value for name, value in row.items() if name != "versions"})

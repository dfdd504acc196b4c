"""What an agent's knowledge bases hold about a question: searched by the agent's strategy.

Two things are kept of each search: the question's vector, which is paid for, and what was found. What was found is kept
under the versions of the knowledge bases that the search itself saw, and looked for under those that are there now: a
changed document is never answered from before its change, whenever it is changed.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from shared.agents import cached
from shared.agents.configuration import AgentConfiguration, Retrieval
from shared.knowledge import documents
from shared.knowledge.documents import KnowledgeBase
from shared.knowledge.search import SEARCH_VERSION, Passage, search
from shared.stores.postgres import Connection
from workers.models.embedding import Vector
from workers.run.context import Context
from workers.turns.cache import NOBODY, Entry, keep, spared

#: Longest time an embedding of a question may take, in seconds.
QUERY_TIMEOUT = 20.0

#: Seconds for which vectors, and what was found, are kept: a day's questions resemble each other.
KEPT = 86_400.0


@dataclass(frozen=True)
class Search:
    """A search over knowledge bases whose vectors are of one model; by words alone there is no model."""

    query: str
    strategy: Retrieval
    model: str | None
    bases: Sequence[KnowledgeBase]

    @property
    def versions(self) -> Mapping[str, str]:
        """As they were when this search was begun."""
        return {base.knowledge_base: base.version for base in self.bases}

    def key(self, versions: Mapping[str, str]) -> bytes:
        """Of what is found in knowledge bases of these versions."""
        how = {"by": self.strategy.by, "passages": self.strategy.passages, "search": SEARCH_VERSION}
        return cached.key(query=self.query, model=self.model, versions=versions, **how)

    @property
    def key_of_vector(self) -> bytes:
        return cached.key(model=self.model, text=self.query)


@dataclass(frozen=True)
class KeptSearch:
    """What is kept of an earlier search like this one."""

    passages: Sequence[Mapping[str, Any]] | None
    vector: Mapping[str, Any] | None


def retrieve(context: Context, place: str, agent: AgentConfiguration, query: str) -> list[Passage]:
    """The best passages first. Paid steps lie below `place`; what was found is the caller's to journal."""
    tenant = context.tenant.tenant_id
    with context.reading() as connection:
        bases = documents.bases(connection, tenant, agent.knowledge_bases)
        searches = list(_by_model(bases, agent.retrieval, query))
        kept = [_kept(connection, tenant, wanted) for wanted in searches]
    found: list[Passage] = []
    for wanted, before in zip(searches, kept, strict=True):
        if before.passages is None and context.past(_hit(place, wanted)) is None:
            found += _anew(context, place, wanted, before.vector)
        else:
            found += _again(context, place, wanted, before.passages or ())
    return sorted(found, key=lambda passage: -passage.score)[: agent.retrieval.passages]


def _by_model(bases: Sequence[KnowledgeBase], strategy: Retrieval, query: str) -> Iterator[Search]:
    if strategy.by == "words":
        if bases:
            yield Search(query, strategy, None, bases)
        return
    ordered = sorted(bases, key=lambda base: base.embedding_model)
    for model, group in groupby(ordered, key=lambda base: base.embedding_model):
        yield Search(query, strategy, model, list(group))


def _kept(connection: Connection, tenant: str, wanted: Search) -> KeptSearch:
    rows = cached.get(connection, tenant, "retrieval", wanted.key(wanted.versions))
    if rows is not None:
        return KeptSearch(rows, None)
    vector = cached.get(connection, tenant, "embedding", wanted.key_of_vector) if wanted.model else None
    return KeptSearch(None, vector)


def _hit(place: str, wanted: Search) -> str:
    """Where it is on record that this search was answered from before."""
    return f"{place}.found.{wanted.model}"


def _again(context: Context, place: str, wanted: Search, passages: Sequence[Mapping[str, Any]]) -> Sequence[Passage]:
    """What was found before. The vector that it would have taken is on record as a hit."""
    if wanted.model is not None:
        call = spared("retrieval", wanted.model, {"query": wanted.query}, provider=NOBODY)
        passages = context.hit(_hit(place, wanted), call, {"passages": list(passages)})["passages"]
    return [Passage(**{**row, "document_id": UUID(row["document_id"])}) for row in passages]


def _anew(context: Context, place: str, wanted: Search, vector: Mapping[str, Any] | None) -> Sequence[Passage]:
    """Search, and keep what was found under the versions that the search saw."""
    entries: list[Entry] = []
    embedded = _embedded(context, f"{place}.{wanted.model}", wanted, vector, entries) if wanted.model else None
    tenant, bases = context.tenant.tenant_id, list(wanted.versions)
    limit, by = wanted.strategy.passages, wanted.strategy.by
    with context.reading() as connection:
        found = search(connection, tenant, bases, query=wanted.query, vector=embedded, limit=limit, by=by)
    entries.append(Entry("retrieval", wanted.key(found.versions), [asdict(each) for each in found.passages], KEPT))
    keep(context, entries)
    return found.passages


def _embedded(
    context: Context, place: str, wanted: Search, known: Mapping[str, Any] | None, entries: list[Entry]
) -> Vector:
    """The question's vector: as it is kept, or paid for and added to what is to be kept."""
    model, request = str(wanted.model), {"model": wanted.model, "input": [wanted.query]}
    if known is not None:
        call = spared("embedding", model, request, provider=known["provider"])
        outcome = context.hit(place, call, {"vectors": [_unpacked(known["vector"])]})
    else:
        outcome = context.models.embed(place, model, [wanted.query], timeout=QUERY_TIMEOUT)
        value = {"provider": outcome.get("provider", NOBODY), "vector": _packed(outcome["vectors"][0])}
        entries.append(Entry("embedding", wanted.key_of_vector, value, KEPT))
    vector: Vector = outcome["vectors"][0]
    return vector


def _packed(vector: Vector) -> str:
    """In single precision, as Postgres keeps vectors too: a third of what its numbers take as JSON."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _unpacked(packed: str) -> Vector:
    content = b64decode(packed)
    return list(struct.unpack(f"<{len(content) // 4}f", content))

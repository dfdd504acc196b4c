"""The kinds of job: what each is called, what it asks for and comes to, which family runs it and who may ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.payloads import (
    AgentTurn,
    BillingExport,
    BillingReconcile,
    KnowledgeEmbed,
    KnowledgeIngest,
    Payload,
    Probe,
)
from shared.contracts.results import (
    EmbedResult,
    ExportResult,
    IngestResult,
    ProbeResult,
    ReconcileResult,
    Result,
    TurnResult,
)
from shared.errors import HeadgateError


class Family(StrEnum):
    """Kinds that share workers and a unit of cost."""

    TURNS = "turns"
    INGEST = "ingest"
    EMBED = "embed"
    OPS = "ops"


class Scope(StrEnum):
    """What a principal may ask for."""

    TURNS = "turns:submit"
    KNOWLEDGE = "knowledge:write"
    BILLING = "billing:export"
    OPS = "ops:submit"


@dataclass(frozen=True)
class Kind:
    """A kind of job. `deadline` is the longest a single run may take, in seconds."""

    name: str
    family: Family
    payload: type[Payload]
    result: type[Result]
    scope: Scope
    deadline: float
    #: Platform kinds belong to the platform's own tenant and may name other tenants in `tenantids`.
    platform: bool = False


def kinds(*known: Kind) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in known}


KINDS: Mapping[str, Kind] = kinds(
    Kind("agent.turn", Family.TURNS, AgentTurn, TurnResult, Scope.TURNS, deadline=300),
    Kind("knowledge.ingest", Family.INGEST, KnowledgeIngest, IngestResult, Scope.KNOWLEDGE, deadline=120),
    Kind("knowledge.embed", Family.EMBED, KnowledgeEmbed, EmbedResult, Scope.KNOWLEDGE, deadline=300),
    Kind("billing.export", Family.OPS, BillingExport, ExportResult, Scope.BILLING, deadline=300, platform=True),
    Kind(
        "billing.reconcile", Family.OPS, BillingReconcile, ReconcileResult, Scope.BILLING, deadline=300, platform=True
    ),
    Kind("ops.probe", Family.OPS, Probe, ProbeResult, Scope.OPS, deadline=90),
)


class UnknownKind(HeadgateError):  # noqa: N818 - named for what it is about
    """A job of a kind that this version of Headgate does not know."""


def kind_named(name: str) -> Kind:
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownKind(f"unknown kind {name!r}: known are {', '.join(sorted(KINDS))}") from None

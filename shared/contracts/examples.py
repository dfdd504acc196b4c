"""One example of everything that travels, for the documents and their tests. None of the ids is anybody's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.contracts.answers import (
    Accepted,
    AcceptedData,
    Answer,
    ConversationAnswered,
    ConversationAnsweredData,
    Finished,
    FinishedData,
    Reason,
    Refused,
    RefusedData,
)
from shared.contracts.envelope import REPLY_PREFIX, TYPE_PREFIX
from shared.contracts.events import Delta, ToolCalled, ToolFinished, TurnEvent, TurnFinished, TurnStarted
from shared.contracts.kinds import KINDS, Kind
from shared.contracts.results import (
    EmbedResult,
    ExportResult,
    IngestResult,
    ModelAsked,
    ProbeResult,
    ReconcileResult,
    Result,
    TurnOutcome,
    TurnResult,
)

#: Who asks in the examples: a tenant for its own work, a service for the platform's.
TENANT, SERVICE = "acme", "billing"

PAYLOADS: Mapping[str, dict[str, Any]] = {
    "agent.turn": {"conversation": "case-17", "message": "What does the with statement do?", "agent": "default"},
    "knowledge.ingest": {"name": "with.md", "text": "# The with statement\n\n…", "media_type": "text/markdown"},
    "knowledge.embed": {"knowledge_base": "default"},
    "billing.export": {"period": "2026-10", "format": "csv"},
    "billing.reconcile": {},
    "ops.probe": {"seconds": 0.5},
}

RESULTS: Mapping[str, Result] = {
    "agent.turn": TurnResult(
        answer="It runs a block within a context.",
        outcome=TurnOutcome.ANSWERED,
        sources=("The with statement",),
        conversation="case-17",
        agent="default",
        version=3,
        models=(ModelAsked(step="0.model", provider="openai", model="gpt-4.1-mini", passed_over=()),),
    ),
    "knowledge.ingest": IngestResult(document=UUID("0199e2a4-8d11-7f02-b6a4-0e5c9d7b3a55"), chunks=12),
    "knowledge.embed": EmbedResult(chunks=12),
    "billing.export": ExportResult(
        object="s3://exports/usage-2026-10.csv",
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        rows=8,
        quantity=1_204_331,
        cost_nano=903_248_250,
        records=412,
    ),
    "billing.reconcile": ReconcileResult(served=2, not_served=1, unknown=0),
    "ops.probe": ProbeResult(seconds=0.5),
}

_ID, _JOB = "case-17/message-3", UUID("0199e2a4-7b1c-7c3e-9d2f-4b6a8c0e1f23")

_ASKED, _TOLD, _ENDED = (datetime(2026, 10, 14, 9, 30, second, tzinfo=UTC) for second in (0, 1, 4))

ANSWERS: Mapping[str, Answer] = {
    "accepted": Accepted(
        id="0f6d3f0e-54a5-5d4c-9f57-0f4f1f0c7b11",
        time=_TOLD,
        subject=_ID,
        tenantid=TENANT,
        data=AcceptedData(job=_JOB, state="waiting"),
    ),
    "refused": Refused(
        id="7c1f1f1e-93a0-5b0b-8f3b-6d6f7f8a9b22",
        time=_TOLD,
        subject=_ID,
        tenantid=TENANT,
        data=RefusedData(
            reason=Reason.BACKLOG_FULL,
            message="too many of this tenant's jobs wait: send it again later",
            passing=Reason.BACKLOG_FULL.passing,
        ),
    ),
    "finished": Finished(
        id="b5a4c3d2-1e0f-5a9b-8c7d-6e5f4a3b2c33",
        time=_ENDED,
        subject=_ID,
        tenantid=TENANT,
        data=FinishedData(job=_JOB, state="done", result=RESULTS["agent.turn"].written()),
    ),
    "conversation.answered": ConversationAnswered(
        id="2f9e8d7c-6b5a-5c4d-9e3f-2a1b0c9d8e44",
        time=_ENDED,
        subject=_ID,
        tenantid=TENANT,
        data=ConversationAnsweredData(
            conversation="case-17",
            agent="default",
            user_identifier="ann",
            job=_JOB,
            answer="I have sent you a new one.",
        ),
    ),
}

_EVENTS = (
    TurnStarted(run=1, step="0.model"),
    ToolCalled(run=1, step="0.tool.0", name="search_knowledge"),
    ToolFinished(run=1, step="0.tool.0", name="search_knowledge"),
    Delta(run=1, step="1.model", text="It runs a block"),
    TurnFinished(run=1, state="done", result=RESULTS["agent.turn"].written()),
)

#: What a turn tells, by the type of the event.
EVENTS: Mapping[str, TurnEvent] = {event.type: event for event in _EVENTS}

#: What is kept of a message that was refused (`producers/refusal.py`).
KEPT: Mapping[str, Any] = {
    "refused_at": _TOLD.isoformat(),
    "door": "bus",
    "reason": Reason.UNKNOWN_TYPE.value,
    "message": "unknown type 'headgate.job.agent.turm': known are …",
    "id": _ID,
    "source": "/helpdesk",
    "tenant": None,
    "principal": TENANT,
    "bytes": 412,
    "body": '{"specversion": "1.0", "authorization": "[removed]", …',
}


def event(kind: Kind) -> dict[str, Any]:
    """A message that asks for a job of this kind."""
    sender = SERVICE if kind.platform else TENANT
    return {
        "specversion": "1.0",
        "id": _ID,
        "source": "/helpdesk",
        "type": TYPE_PREFIX + kind.name,
        "time": _ASKED.isoformat(),
        "authorization": "hg_…",
        "datacontenttype": "application/json",
        "replyto": f"{REPLY_PREFIX}{sender}.main",
        "data": PAYLOADS[kind.name],
        **({"tenantids": [TENANT]} if kind.platform else {}),
    }


def events() -> dict[str, dict[str, Any]]:
    """One for each kind, by its name."""
    return {name: event(kind) for name, kind in KINDS.items()}

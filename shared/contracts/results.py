"""What comes of a job that is done: for each kind a model, made by its room and told to whoever asked.

A result is written without the fields that have their default. Who reads one passes over fields that they do not know:
another Headgate may have written it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class TurnOutcome(StrEnum):
    """How a turn came out."""

    ANSWERED = "answered"  # by the model
    FALLBACK = "fallback"  # the model came to no answer of its own
    HANDED_OFF = "handed_off"  # passed on to a human
    CLOSED = "closed"  # outside business hours
    TURNS_USED_UP = "turns_used_up"
    HOOK = "hook"  # by one of the operator's


class Result(BaseModel):
    model_config = ConfigDict(frozen=True)

    def written(self) -> dict[str, Any]:
        """As the ledger keeps it and as it is told: JSON."""
        return self.model_dump(mode="json", exclude_defaults=True)


class ModelPassedOver(BaseModel):
    """A model that was to be asked before."""

    provider: str
    model: str
    why: str = Field(description="Why it gave no answer.")


class ModelAsked(BaseModel):
    """A model that answered in a turn."""

    step: str = Field(description="The place in the turn: `0.model`, …")
    provider: str
    model: str
    passed_over: tuple[ModelPassedOver, ...]


class TurnResult(Result):
    """Of `agent.turn`."""

    answer: str = Field(description="What the user is told.")
    outcome: TurnOutcome
    sources: tuple[str, ...] = Field(description="The documents that were looked up, each once.")
    conversation: str
    agent: str
    version: int = Field(description="Of the agent.")
    models: tuple[ModelAsked, ...] = Field(description="In the order in which they were asked.")
    greeting: str | None = Field(None, description="Said before the first answer of a conversation.")
    reason: str | None = Field(None, description="Why this turn passed the conversation on to a human.")
    refused: tuple[str, ...] = Field((), description="Tools that the model asked for and was not allowed.")

    @staticmethod
    def answer_in(result: Mapping[str, Any] | None) -> str | None:
        """The answer alone, whatever else a Headgate of another version has written."""
        answer = (result or {}).get("answer")
        return answer if isinstance(answer, str) else None


class IngestResult(Result):
    """Of `knowledge.ingest`."""

    document: UUID
    chunks: int | None = Field(None, description="How many now wait for their vectors.")
    unchanged: bool = Field(default=False, description="The document was there already, with the same content.")


class EmbedResult(Result):
    """Of `knowledge.embed`."""

    chunks: int = Field(description="How many got their vectors in the last run of the job.")


class ExportResult(Result):
    """Of `billing.export`; the totals are over all rows."""

    object: str = Field(description="The URL of the file.")
    sha256: str = Field(description="Of the file, in hex.")
    rows: int
    quantity: int
    cost_nano: int = Field(description="In nano-dollars.")
    records: int = Field(description="Usage records that the rows add up.")


class ReconcileResult(Result):
    """Of `billing.reconcile`: calls whose answers were lost."""

    served: int
    not_served: int
    unknown: int = Field(description="Of which nobody knows more than before.")


class ProbeResult(Result):
    """Of `ops.probe`."""

    seconds: float


class _Shown:
    """A result stays a dict where it is passed on; its schema says what stands in it."""

    def __init__(self, *models: type[Result]) -> None:
        self._models = models

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core_schema.union_schema([model.__pydantic_core_schema__ for model in self._models]))


#: A turn's.
TurnResultShown = Annotated[dict[str, Any], _Shown(TurnResult)]

#: Of whatever kind.
ResultShown = Annotated[
    dict[str, Any], _Shown(TurnResult, IngestResult, EmbedResult, ExportResult, ReconcileResult, ProbeResult)
]

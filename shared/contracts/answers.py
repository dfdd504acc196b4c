"""What a door, a finished job and a human answer: CloudEvents to the sender's reply queue.

An answer's `id` is made from the job and what happened, so the same answer sent twice can be told by its id.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.results import ResultShown


class Reason(StrEnum):
    """Why a door refused. The value is part of the contract."""

    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    UNKNOWN_TYPE = "unknown_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    INVALID_PAYLOAD = "invalid_payload"
    UNKNOWN_AGENT = "unknown_agent"
    BAD_REPLYTO = "bad_replyto"
    ID_CONFLICT = "id_conflict"
    BACKLOG_FULL = "backlog_full"
    SUSPENDED = "suspended"
    GATE_CLOSED = "gate_closed"
    UNPROCESSABLE = "unprocessable"

    @property
    def passing(self) -> bool:
        """Whether the same message may be accepted later."""
        return self in {Reason.BACKLOG_FULL, Reason.SUSPENDED, Reason.GATE_CLOSED}


class Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class AcceptedData(Data):
    job: UUID
    state: str = Field(description="The job's state; a repeated message is told the present one.")


class RefusedData(Data):
    reason: Reason
    message: str = Field(description="What is wrong and what to do, in one line.")
    passing: bool = Field(description="Whether the same message may be accepted later.")


class FinishedData(Data):
    job: UUID
    state: Literal["done", "discarded", "dead", "denied", "cancelled"] = Field(
        description="`denied`: no room in a budget, `error` says in which, and when there is; `cancelled`: on request."
    )
    result: ResultShown | None = Field(None, description="Of a job that is done.")
    error: str | None = None


class ConversationAnsweredData(Data):
    conversation: str
    agent: str = Field(description="Whose conversation it was, and is again.")
    user_identifier: str | None = Field(None, description="The user's, as the turns' asker named it.")
    job: UUID = Field(description="The latest turn of the conversation.")
    answer: str = Field(description="What the human says to the user.")


class _Answer(Data):
    specversion: Literal["1.0"] = "1.0"
    id: str
    source: Literal["/headgate"] = "/headgate"
    datacontenttype: Literal["application/json"] = "application/json"
    time: datetime
    subject: str | None = Field(description="The id of the message that is answered.")
    tenantid: str | None = None


class Accepted(_Answer):
    type: Literal["headgate.job.accepted"] = "headgate.job.accepted"
    data: AcceptedData


class Refused(_Answer):
    type: Literal["headgate.job.refused"] = "headgate.job.refused"
    data: RefusedData


class Finished(_Answer):
    type: Literal["headgate.job.finished"] = "headgate.job.finished"
    data: FinishedData


class ConversationAnswered(_Answer):
    """A human answered a conversation that an agent had handed off; it comes where its latest turn was asked for."""

    type: Literal["headgate.conversation.answered"] = "headgate.conversation.answered"
    data: ConversationAnsweredData


Answer = Accepted | Refused | Finished | ConversationAnswered

"""A tool as the model sees it, and what it does.

A tool acts for the tenant, the agent and the user of its job, whatever the model, a document or another tool says: what
it is told of them comes from the job alone, and what the model says are arguments, checked before the call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.errors import HeadgateError

#: Seconds that a tool may take where it says nothing else.
TIMEOUT = 30.0

#: Bytes of a result that the model is shown where the tool says nothing else: some 4,000 tokens.
RESULT_BYTES = 16_384


class ToolRefused(HeadgateError):  # noqa: N818 - it names what happened
    """This agent, or this user, may not have that done; the refusal goes on record."""


class ToolFailed(HeadgateError):  # noqa: N818 - as above
    """It could not be done; the model is told why, and may try something else."""


@dataclass(frozen=True)
class Use:
    """What a tool is told of the job that it acts for.

    `idempotency_key` is the same in every run of the job, so that what was done before a worker died is not done again.
    `seconds`: what is left of the tool's time, and of the turn's.
    """

    tenant: str
    agent: str
    user_identifier: str | None
    user_context: Mapping[str, Any]
    conversation: str
    job: UUID
    place: str
    idempotency_key: str
    seconds: float


@dataclass(frozen=True)
class Tool:
    """`parameters` is the JSON Schema (draft 2020-12) of the arguments.

    `timeout`: seconds until `act` is left behind; `math.inf` where it surely ends by itself. What it answers is shown
    to the model as JSON, cut at `max_bytes`. `ends_turn`: where it answers, the turn is over.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    act: Callable[[Use, Mapping[str, Any]], Any]
    timeout: float = TIMEOUT
    max_bytes: int = RESULT_BYTES
    ends_turn: bool = False

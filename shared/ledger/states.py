"""The states of a job. `docs/states.md` draws them."""

from enum import StrEnum
from typing import Literal


class State(StrEnum):
    #: In its backlog, or held until it is due.
    WAITING = "waiting"
    #: A worker holds it under its fence.
    RUNNING = "running"
    #: It did what was asked; `result` says what came of it.
    DONE = "done"
    #: Its room found that it can never be done; `error` says why.
    DISCARDED = "discarded"
    #: It failed as often as is allowed; kept with its last error, and may be retried by hand.
    DEAD = "dead"
    #: Ended by policy after acceptance.
    DENIED = "denied"
    #: Ended on request.
    CANCELLED = "cancelled"


#: States that a job never leaves by itself.
FINAL = frozenset({State.DONE, State.DISCARDED, State.DEAD, State.DENIED, State.CANCELLED})

#: What a step is (`tenant.steps.kind`).
StepKind = Literal["model", "embedding", "tool", "assembly", "retrieval", "hook"]

#: Whose key pays for a call: the platform's, or one of the tenant's own.
BilledTo = Literal["platform", "tenant"]

"""Why a run may not go on, and how its steps say so."""

from enum import StrEnum

from shared.errors import HeadgateError


class Interruption(StrEnum):
    """Why a run may not go on."""

    LOST = "the lease was lost"
    STOPPING = "the worker stops"
    LATE = "the run took longer than its kind may"
    CANCELLED = "the job was cancelled"


class Interrupted(HeadgateError):  # noqa: N818 - it names what happened
    """Raised between steps, where a run may not go on."""

    def __init__(self, why: Interruption) -> None:
        super().__init__(why.value)
        self.why = why

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
    """Raised between steps and in the middle of a call, where a run may not go on.

    `sent`: a call had gone out by then, and may have been drawn.
    """

    def __init__(self, why: Interruption, *, sent: bool = False) -> None:
        super().__init__(why.value)
        self.why, self.sent = why, sent

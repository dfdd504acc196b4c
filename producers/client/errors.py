"""What can go wrong for whoever hands in jobs."""

from typing import Self

from shared.contracts.answers import Reason, RefusedData
from shared.errors import HeadgateError


class Invalid(HeadgateError):  # noqa: N818 - it names the state of what was to be sent
    """The job cannot be sent like this; nothing was sent."""


class Refused(HeadgateError):  # noqa: N818 - the answer's own name
    """A door has turned the job away for good; the same message will be refused again."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason.value}: {message}")
        self.reason, self.message = reason, message

    @classmethod
    def by(cls, answer: RefusedData) -> Self:
        return cls(answer.reason, answer.message)


class Unconfirmed(HeadgateError):  # noqa: N818 - it names what is known
    """Nobody has said `accepted` in time: the job of this `id` may be accepted or not."""

    def __init__(self, event_id: str, said: str) -> None:
        super().__init__(f"job {event_id!r} may or may not be accepted ({said}): submit it again under the same id")
        self.id = event_id


class Unfinished(HeadgateError):  # noqa: N818 - as above
    """The job is accepted, and its end has not been heard of in time."""

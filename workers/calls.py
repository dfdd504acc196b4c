"""A paid call: what is asked, what it may draw at worst, what was answered, and how it can fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import HeadgateError
from shared.ledger.runs import Effects
from shared.ledger.states import BilledTo, StepKind
from shared.metering.prices import Tokens
from workers.outcomes import nothing


@dataclass(frozen=True)
class Reply:
    """What a provider answered: `outcome` is what a replay needs, `drawn` what the provider reports."""

    outcome: dict[str, Any]
    drawn: Tokens
    effects: Effects = nothing


def unchecked(_: int) -> None:
    """Nothing about the tenant bears on this call."""


@dataclass(frozen=True)
class Call:
    """A paid call to be made. `make` gets the call id, which it must send as the client's request id.

    `billed_to`: whose key pays, the `platform`'s or the `tenant`'s own. `check` is asked at the last moment, with the
    version of the tenant that the gate was told last; it raises where the call may not be made any more.
    """

    kind: StepKind
    model: str
    request: Mapping[str, Any]
    worst: Tokens
    make: Callable[[str], Reply]
    provider: str = "openai"
    billed_to: BilledTo = "platform"
    check: Callable[[int], None] = unchecked


class CallFailed(HeadgateError):  # noqa: N818 - it names what happened
    """The provider answered that it will not serve this call, or was never reached: nothing was drawn."""

    def __init__(self, message: str, *, retry: bool, after: float | None = None) -> None:
        super().__init__(message)
        self.retry, self.after = retry, after


class CallLost(HeadgateError):  # noqa: N818 - as above
    """The call went out and its answer did not arrive: it may have been drawn."""


def cost_of(drawn: Tokens) -> float:
    """What fairness counts of a call: tokens in + 2 x tokens out (VTC, OSDI'24)."""
    return drawn.input + 2 * drawn.output

"""What a room function answers: how its run ended, as a value."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.contracts.results import Result
from shared.ledger.jobs import NewJob
from shared.ledger.runs import Effects
from shared.stores.postgres import Connection


def nothing(_: Connection) -> None:
    """No effects."""


@dataclass(frozen=True)
class Done:
    """The job did what was asked. `effects` and `children` are written in the transaction that says so."""

    result: Result
    effects: Effects = nothing
    children: Sequence[NewJob] = field(default_factory=tuple)


@dataclass(frozen=True)
class Retry:
    """The run failed; another may do better. `after`: seconds, where the other side said so."""

    error: str
    after: float | None = None


@dataclass(frozen=True)
class Snooze:
    """Nothing failed, but the job goes on later, in seconds. `why`: where it waits for something, what for."""

    seconds: float
    why: str | None = None


@dataclass(frozen=True)
class Discard:
    """The job can never be done as it was asked."""

    error: str


Outcome = Done | Retry | Snooze | Discard

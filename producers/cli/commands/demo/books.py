"""What the checks hold against each other: the ledger, the bill and the model's own log, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Job:
    """A job as the ledger has it."""

    tenant: str
    kind: str
    state: str


@dataclass(frozen=True)
class Draw:
    """What one call drew: as billed, or as the model says it served it."""

    tenant: str
    tokens: int


@dataclass(frozen=True)
class Totals:
    """Sums over usage: of the records, or of an export."""

    tokens: int
    cost_nano: int
    records: int


@dataclass(frozen=True)
class Account:
    """One tenant's line in the final table; waits in seconds."""

    jobs: int
    p50: float
    p99: float
    tokens: int
    cost_nano: int


@dataclass(frozen=True)
class Books:
    """Everything that the checks compare."""

    jobs: Mapping[UUID, Job]
    #: By call, as billed, and as the model says it served them: None where nobody else keeps books.
    billed: Mapping[str, Draw]
    served: Mapping[str, Draw] | None
    #: Calls whose answer was lost, billed at their worst.
    uncertain: int
    #: By tenant: what users asked, and what was answered.
    answers: Mapping[str, tuple[int, int]]
    #: By tenant: the complete ones.
    documents: Mapping[str, int]
    #: Why jobs ended badly.
    errors: Sequence[str]
    recorded: Totals
    accounts: Mapping[str, Account]

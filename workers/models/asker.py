"""What models need of the run that asks them: whose it is, until when it may, and the only way to pay."""

from typing import Any, Protocol

from shared.ledger.runs import Run
from shared.tenancy.tenants import Tenant
from workers.calls import Call


class Asker(Protocol):
    """A run, as `workers.run.context` gives it to its room."""

    @property
    def run(self) -> Run: ...

    @property
    def tenant(self) -> Tenant:
        """As it was when the run began."""

    @property
    def seconds_left(self) -> float:
        """Until the run's deadline."""

    def calls_until(self) -> float:
        """Until when (monotonic seconds) a call surely may go on; raises `Interrupted` where it may not."""

    def past(self, place: str) -> dict[str, Any] | None:
        """What an earlier run was answered at this place."""

    def paid(self, place: str, call: Call, *, later: bool = False) -> dict[str, Any]:
        """A paid step: its outcome."""

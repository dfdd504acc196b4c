"""What a paid step holds against its tenant's budgets, between its intent and its outcome.

The worst case is held in the windows of the moment at which Postgres committed the intent. Budgets fail closed: where
the gate does not answer, nothing is called, and the job goes back unharmed. Settling may fail: the recorder settles
every step again before it marks it as recorded (`workers.metering.record`).
"""

from datetime import datetime, timedelta

import structlog

from shared.errors import HeadgateError, Unavailable
from shared.gate.gate import Gate, GateClosed, GateFull
from shared.gate.values import Draw, Hold, Lease, Need, Shortage
from shared.gate.windows import Windows
from shared.lanes import PermitPublisher
from shared.ledger.journal import Step
from shared.ledger.runs import Fenced
from shared.metering.levels import BUDGETS, worded
from shared.telemetry import metrics
from workers.interruption import Interrupted, Interruption

log = structlog.get_logger(__name__)


class OverBudget(HeadgateError):  # noqa: N818 - it names what happened
    """A hard budget has no room for the worst case of a call, which was therefore not made."""

    def __init__(self, shortage: Shortage, need: Need, intended_at: datetime) -> None:
        kind = BUDGETS[shortage.budget]
        window_ends = intended_at + timedelta(seconds=kind.window(need.windows).left)
        room = f"there is room again at {window_ends:%Y-%m-%d %H:%M} UTC, or when the limit is raised"
        super().__init__(
            f"over budget {shortage.budget}: the next call may draw {worded(kind, shortage.need)}, and "
            f"{worded(kind, shortage.left)} of {worded(kind, shortage.limit)} is left; "
            + ("raise the limit with `headgate budget set`" if shortage.never else room)
        )
        self.shortage, self.need = shortage, need


class BudgetsAway(HeadgateError):  # noqa: N818 - as above
    """The gate cannot say whether there is room, so nothing was called."""


class Reservations:
    """The reservations of one run."""

    def __init__(self, gate: Gate, permits: PermitPublisher, lease: Lease) -> None:
        self._gate, self._permits, self._lease = gate, permits, lease

    def reserve(self, step: Step, intended_at: datetime) -> int:
        """Return if the call may be made, else raise why not; after any error, nothing is called.

        Answers the version of the tenant that the gate was told last.
        """
        need = Need(Draw(step.worst.total, step.worst_nano), Windows.at(intended_at))
        try:
            reserved = self._gate.reserve(Hold(step.call_id, self._lease, need))
        except (GateClosed, GateFull, Unavailable) as error:
            metrics.BUDGETS_AWAY.labels(reason=type(error).__name__).inc()
            raise BudgetsAway(f"nobody can say whether the budgets have room: {error}") from error
        self._permits.publish(reserved.permits)
        if not reserved.held:
            raise Fenced(f"the lease of job {self._lease.job} was lost")
        if reserved.cancelled:
            raise Interrupted(Interruption.CANCELLED)
        if reserved.shortage is not None:
            metrics.BUDGET_SHORTAGES.labels(budget=reserved.shortage.budget, over=reserved.shortage.over).inc()
            raise OverBudget(reserved.shortage, need, intended_at)
        return reserved.version

    def compare(self, step: Step, drawn: Draw) -> None:
        """Say so where a call drew more than was held for it."""
        if drawn.tokens > step.worst.total or drawn.nanos > step.worst_nano:
            metrics.WORST_EXCEEDED.inc()
            log.warning("a call drew more than its worst case", call=step.call_id, drawn=drawn, worst=step.worst)

    def settle(self, step: Step, drawn: Draw) -> None:
        """Put what was drawn in the place of what was held, as soon as can be."""
        try:
            self._permits.publish(self._gate.settle([(step.call_id, drawn)]))
        except (GateClosed, GateFull, Unavailable) as error:
            log.info("left to the recorder to settle", call=step.call_id, error=str(error))

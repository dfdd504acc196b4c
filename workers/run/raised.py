"""What a room raises, as how its run ends."""

from shared.errors import ConfigurationError, HeadgateError
from shared.ledger.runs import Fenced
from workers.calls import CallFailed, CallLost
from workers.interruption import Interrupted, Interruption
from workers.models.routing import Unanswered
from workers.outcomes import Discard, Outcome, Retry, Snooze
from workers.run import ending
from workers.run.ending import CANCELLED, HANDED_BACK, End
from workers.run.reservations import BudgetsAway, OverBudget
from workers.run.starting import AWAY

#: What ends a run before its room has come to an outcome. `SystemExit`: a pool's child that is being ended.
STOPPED = (Interrupted, Fenced, OverBudget, BudgetsAway, SystemExit)


def end_of(stop: BaseException) -> Outcome | End | None:
    """How a run ends that was stopped; None where it is another's by now."""
    match stop:
        case SystemExit() | Interrupted(why=Interruption.STOPPING):
            return HANDED_BACK
        case Interrupted(why=Interruption.CANCELLED):
            return CANCELLED
        case Interrupted(why=Interruption.LATE):
            return Retry(str(stop))
        case OverBudget():
            return ending.out_of_room(stop)
        case BudgetsAway():
            return Snooze(AWAY, str(stop))
        case _:
            return None


def outcome_of(error: Exception) -> Outcome:
    """The one place where a room's errors become outcomes."""
    match error:
        case CallFailed(retry=True):
            return Retry(str(error), after=error.after)
        case Unanswered():
            return _unanswered(error)
        case CallFailed() | ConfigurationError():
            return Discard(str(error))
        case CallLost() | HeadgateError():
            return Retry(str(error))
        case _:
            return Retry(f"{type(error).__name__}: {error}")


def _unanswered(error: Unanswered) -> Outcome:
    """What passes is waited for and fails nobody; what was tried and failed counts; what never works ends the job."""
    if error.never:
        return Discard(str(error))
    if error.failed:
        return Retry(str(error), after=error.after)
    return Snooze(error.after or 0.0, str(error))

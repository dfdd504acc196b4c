"""What a room raises, as how its run ends."""

from shared.errors import ConfigurationError, Unavailable
from shared.ledger.runs import Fenced
from workers import ending
from workers.ending import CANCELLED, HANDED_BACK, End
from workers.holding import BudgetsAway, OverBudget
from workers.interruption import Interrupted, Interruption
from workers.models.clients import NoKey
from workers.outcomes import Discard, Outcome, Retry, Snooze
from workers.starting import AWAY
from workers.steps import CallFailed, CallLost

#: Seconds for which a job waits that met a worker without a model key: the next may have one, or be given one.
NO_KEY = 30.0

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
            return Snooze(AWAY)
        case _:
            return None


def outcome_of(error: Exception) -> Outcome:
    """The one place where a room's errors become outcomes."""
    match error:
        case CallFailed(retry=True):
            return Retry(str(error), after=error.after)
        case NoKey():
            return Snooze(NO_KEY)
        case CallFailed() | ConfigurationError():
            return Discard(str(error))
        case CallLost() | Unavailable():
            return Retry(str(error))
        case _:
            return Retry(f"{type(error).__name__}: {error}")

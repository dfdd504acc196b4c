"""Tells the gate what it was never told of jobs: that they were committed and not offered, or cancelled.

Whoever should have told it died in between, or the gate was closed, full or away. And sees that gate and ledger are of
one epoch.
"""

from shared.cell import Cell
from shared.gate.gate import GateClosed
from shared.intake import committed
from shared.ledger import housekeeping

#: Seconds that a door gets to offer a job by itself.
GRACE = 3.0

#: Jobs per round; a full round is followed by another at once.
BATCH = 500

#: Seconds for which a cancelled job is told to the gate anew: whoever cancelled it may have died before telling.
CANCELLED = 60.0

#: Seconds between two rounds that found nothing: with the grace, an orphan is offered within 10 s.
PAUSE = 5.0


def sweep_ledger(cell: Cell) -> float:
    """One round; answers the seconds until the next."""
    _reunite(cell)
    found = housekeeping.unoffered(cell.dispatcher, older_than=GRACE, limit=BATCH)
    offered = cell.intake.offer(committed(job) for job in found)
    _tell_cancelled(cell)
    return 0.0 if offered and len(found) == BATCH else PAUSE


def _reunite(cell: Cell) -> None:
    """A gate that is closed is left to those that sweep it."""
    if cell.gate.is_open() and cell.rebuilder.is_strange() and (rebuilt := cell.rebuilder.rebuild()):
        cell.permits.publish(rebuilt.permits)


def _tell_cancelled(cell: Cell) -> None:
    try:
        for job in housekeeping.cancelled(cell.dispatcher, within=CANCELLED):
            cell.permits.publish(cell.gate.cancel(job))
    except GateClosed:  # its rebuild knows them
        return

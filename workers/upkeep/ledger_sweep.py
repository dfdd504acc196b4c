"""Offers what was committed and never offered: its door died in between, or the gate was closed or full."""

from shared.cell import Cell
from shared.intake import committed
from shared.ledger import housekeeping

#: Seconds that a door gets to offer a job by itself.
GRACE = 3.0

#: Jobs per round; a full round is followed by another at once.
BATCH = 500

#: Seconds between two rounds that found nothing: with the grace, an orphan is offered within 10 s.
PAUSE = 5.0


def sweep_ledger(cell: Cell) -> float:
    """One round; answers the seconds until the next."""
    found = housekeeping.unoffered(cell.dispatcher, older_than=GRACE, limit=BATCH)
    offered = cell.intake.offer(committed(job) for job in found)
    return 0.0 if offered and len(found) == BATCH else PAUSE

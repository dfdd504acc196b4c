"""Intents whose run is surely over become unknown, so that they are recorded and may be reconciled.

The next start of a job does that for what its last run left open. But a job whose worker died may wait long for its
next start: behind others that wait for room in a budget, perhaps for the very room that the open intent holds.

No run keeps its lease beyond its kind's deadline and the grace of the heartbeat, so an intent that is older than these
and a lease was made by a run that is over. Should an answer come after all, it is heard (`shared.ledger.journal`).
"""

from shared.cell import Cell
from shared.contracts.kinds import KINDS
from shared.ledger import lost
from workers.lease import GRACE

#: Seconds between two looks: nothing is urgent that has waited for minutes.
PAUSE = 60.0

#: Seconds beyond what a run may last, for clocks that run apart and commits under way.
SPARE = 60.0


def lose_overdue(cell: Cell) -> float:
    """One round; answers the seconds until the next."""
    age = max(kind.deadline for kind in KINDS.values()) + GRACE + cell.settings.lease_seconds + SPARE
    with cell.metering.connection() as connection:
        owners = lost.owners(connection, seconds=age)
    for tenant in owners:
        with cell.database.transaction(tenant) as connection:
            lost.lose_overdue(connection, tenant, seconds=age)
    return PAUSE

"""Lanes that an operator holds back: doors go on accepting, what runs ends, nothing of the lane starts.

(A tenant's pause is its own: `shared.tenancy.provision`.) The row of a lane that goes on stays, so that the change can
be told again to a gate that did not hear of it.
"""

from collections.abc import Mapping, Sequence

from shared.errors import NotFound
from shared.lanes import Lane
from shared.stores.postgres import Connection, Database
from shared.tenancy.owner import as_owner

PUT = """
INSERT INTO control.lanes (lane, paused) VALUES (%s, %s)
ON CONFLICT (lane) DO UPDATE SET paused = excluded.paused, changed_at = now()
"""

CHANGED = "SELECT lane, paused FROM control.lanes WHERE changed_at > now() - %s * interval '1 second'"


def put(admin: Database, lane: Lane, *, paused: bool) -> None:
    """Hold a lane back, or let it go on."""
    with as_owner(admin) as connection:
        _check(connection, lane)
        connection.execute(PUT, (str(lane), paused))


def paused(dispatcher: Database) -> Sequence[str]:
    """The lanes that are held back."""
    with dispatcher.connection() as connection:
        rows = connection.execute("SELECT lane FROM control.lanes WHERE paused ORDER BY lane").fetchall()
    return [row["lane"] for row in rows]


def changed(dispatcher: Database, within: float) -> Mapping[str, bool]:
    """Whether they are held back, of the lanes that were touched in the last `within` seconds."""
    with dispatcher.connection() as connection:
        return {row["lane"]: row["paused"] for row in connection.execute(CHANGED, (within,))}


def _check(connection: Connection, lane: Lane) -> None:
    """A name that no job can ever wait under is a mistake in typing."""
    whose, known = (
        (lane.tier, "SELECT FROM control.tiers WHERE tier = %s")
        if lane.tenant is None
        else (lane.tenant, "SELECT FROM control.tenants WHERE tenant_id = %s")
    )
    if connection.execute(known, (whose,)).fetchone() is None:
        raise NotFound(f"there is no lane {lane}: `headgate queues` shows those that jobs were offered to")

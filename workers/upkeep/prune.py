"""Drops what is kept of earlier answers (`shared.agents.cached`): where its time is over, or a tenant keeps too much.

By the dispatcher, which sees whose each row is and until when it counts, and neither its key nor its value. How large a
value is only its tenant sees: who keeps enough rows to keep too many bytes is looked at as itself.
"""

from shared.agents.cached import LARGEST
from shared.cell import Cell
from shared.clock import monotonic

#: Rows that one statement drops, so that none holds up others for long.
BATCH = 1000

#: Rows that a tenant may keep: 80 MB of vectors.
MOST = 10_000

#: Bytes that a tenant's values may take, as they lie in the database: rows of all sizes, or 2,000 of the largest.
MOST_BYTES = 134_217_728

#: Seconds between two rounds, and between two counts of what each tenant keeps, which read the whole index.
PAUSE, COUNTED_EVERY = 60.0, 300.0

#: Up to the moment at which the first row after the batch expires, if there are so many.
EXPIRED = """
DELETE FROM tenant.cached WHERE expires_at <= least(now(), (
    SELECT expires_at FROM tenant.cached WHERE expires_at <= now() ORDER BY expires_at OFFSET %s LIMIT 1))
"""

CROWDED = "SELECT tenant_id, count(*) AS rows FROM tenant.cached GROUP BY 1 HAVING count(*) > %s"

#: Those that would go first by themselves.
SURPLUS = """
DELETE FROM tenant.cached WHERE tenant_id = %(tenant)s AND expires_at <= (
    SELECT expires_at FROM tenant.cached WHERE tenant_id = %(tenant)s
    ORDER BY expires_at OFFSET %(over)s - 1 LIMIT 1)
"""

#: As the tenant: what would go first by itself, down to so many bytes.
HEAVY = """
DELETE FROM tenant.cached USING (
    SELECT kind, key, sum(pg_column_size(value)) OVER (ORDER BY expires_at DESC, kind, key) AS bytes
    FROM tenant.cached WHERE tenant_id = %(tenant)s) AS held
WHERE cached.tenant_id = %(tenant)s AND cached.kind = held.kind AND cached.key = held.key AND held.bytes > %(bytes)s
"""


class Prune:
    """One process's pruning; others may do the same beside it."""

    def __init__(self, cell: Cell, *, most: int = MOST, most_bytes: int = MOST_BYTES, batch: int = BATCH) -> None:
        self._cell, self._most, self._most_bytes, self._batch = cell, most, most_bytes, batch
        self._count_at = monotonic()

    def prune(self) -> float:
        """One round; answers the seconds until the next: none where more is to be dropped."""
        with self._cell.dispatcher.connection() as connection:
            more = connection.execute(EXPIRED, (self._batch,)).rowcount > self._batch
        if more:
            return 0.0
        if monotonic() >= self._count_at:
            if self._drop_surplus():
                return 0.0
            self._count_at = monotonic() + COUNTED_EVERY
        return PAUSE

    def _drop_surplus(self) -> bool:
        """A batch of each tenant that keeps too much; whether one of them has more to drop."""
        more, worth_a_look = False, min(self._most, self._most_bytes // LARGEST)
        with self._cell.dispatcher.connection() as connection:
            for row in connection.execute(CROWDED, (worth_a_look,)).fetchall():
                over = row["rows"] - self._most
                if over > 0:
                    few = min(over, self._batch)
                    connection.execute(SURPLUS, {"tenant": row["tenant_id"], "over": few})
                else:
                    self._drop_heavy(row["tenant_id"])
                more = more or over > 0
        return more

    def _drop_heavy(self, tenant: str) -> None:
        with self._cell.database.transaction(tenant) as connection:
            connection.execute(HEAVY, {"tenant": tenant, "bytes": self._most_bytes})

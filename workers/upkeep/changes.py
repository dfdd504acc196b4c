"""Tells the gate again what an operator changed in the last minute, in case it was never told.

Whoever should have told it died in between, or the gate was closed or away. What this process has told once it does not
tell again: a gate that forgets is rebuilt from the same tables.
"""

from collections.abc import Mapping

from shared.cell import Cell
from shared.changes import tell_pauses, tell_tenants
from shared.gate.gate import GateClosed
from shared.tenancy import pauses

#: Seconds for which a change is told.
CHANGED = 60.0

#: Seconds between two rounds: what nobody told binds after so many.
PAUSE = 5.0


class Changes:
    """One process's sweep of changes."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        #: The versions of the tenants that were told in the last minute.
        self._told: Mapping[str, int] = {}

    def sweep(self) -> float:
        """One round; answers the seconds until the next."""
        changed = self._cell.tenants.changed(within=CHANGED)
        try:
            tell_tenants(self._cell, (x for x in changed if self._told.get(x.tenant_id, 0) < x.version))
            tell_pauses(self._cell, pauses.changed(self._cell.dispatcher, within=CHANGED))
        except GateClosed:  # its rebuild reads all of it anyway
            return PAUSE
        self._told = {tenant.tenant_id: tenant.version for tenant in changed}
        return PAUSE

"""What nearly every command begins with: the settings, with the servers that run in this home, and the cell.

Opening connects nothing; a server that is away is found out by the first thing asked of it.
"""

from shared import embedded, settings
from shared.cell import Cell
from shared.embedded.provider import provided
from shared.telemetry import logs

#: A command that answers and ends logs only what went wrong; services log at `HEADGATE_LOG_LEVEL`.
QUIET = "WARNING"


def opened() -> Cell:
    """The cell that this command works on."""
    logs.configure(QUIET)
    return Cell(provided(embedded.resolved(settings.read())))


def opened_for(tenant: str | None) -> Cell:
    """The cell, where there is this tenant, if one is named: `NotFound` says that there is not."""
    cell = opened()
    if tenant is not None:
        cell.tenants.get(tenant)
    return cell

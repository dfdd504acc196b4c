"""What nearly every command begins with: the settings, with the servers that run in this home, and the cell.

Opening connects nothing; a server that is away is found out by the first thing asked of it.
"""

from pydantic import ValidationError

from producers.cli.rehearsing import provided
from shared import embedded
from shared.cell import Cell
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.telemetry import logs

#: A command that answers and ends logs only what went wrong; services log at `HEADGATE_LOG_LEVEL`.
QUIET = "WARNING"


def opened() -> Cell:
    """The cell that this command works on."""
    logs.configure(QUIET)
    return Cell(provided(embedded.resolved(settings())))


def settings() -> Settings:
    """The settings as the environment gives them; one that is wrong is named with what is wrong with it."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        variable = name if name.startswith("OPENAI_") else f"HEADGATE_{name}"
        raise ConfigurationError(f"{variable} is not set right: {first['msg']}") from error

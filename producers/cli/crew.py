"""The child processes that make one machine a platform: the bus door, a worker on threads, a worker on prefork."""

import sys
from collections.abc import Sequence

from producers.cli.environment import environment
from producers.cli.processes import Program
from producers.cli.worker import ON_PREFORK, ON_THREADS, SLOTS, Pool, all_lanes
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.settings import Settings
from shared.tenancy import tiers

#: The name of the door's process and log.
DOOR = "bus"


def door(settings: Settings) -> Program:
    return _program(settings, DOOR, "takes jobs from the bus", port=0)


def workers(cell: Cell, slots: int | None) -> Sequence[Program]:
    """One worker on threads and one on prefork, for all lanes; `slots` are those of the first."""
    of_tiers = tiers.names(cell.control)
    threads, prefork = slots or SLOTS[Pool.THREADS], SLOTS[Pool.PREFORK]
    return (
        _worker(cell.settings, "worker", ON_THREADS, of_tiers, slots=threads, port=1),
        _worker(cell.settings, "ingest", ON_PREFORK, of_tiers, slots=prefork, port=2),
    )


def _worker(
    settings: Settings, name: str, families: Sequence[Family], of_tiers: Sequence[str], *, slots: int, port: int
) -> Program:
    lanes = ",".join(map(str, all_lanes(families, of_tiers)))
    about = f"runs {', '.join(families)}; {slots} at once"
    return _program(settings, name, about, "worker", "--lanes", lanes, "--slots", str(slots), port=port)


def _program(settings: Settings, name: str, about: str, *arguments: str, port: int) -> Program:
    """A command of our own. `port`: how far its metrics are from the port set, for each process needs one."""
    if settings.metrics_port is not None:
        settings = settings.model_copy(update={"metrics_port": settings.metrics_port + port})
    command = (sys.executable, "-m", "producers.cli.main", *(arguments or (name,)))
    return Program(name, command, about, environment(settings))

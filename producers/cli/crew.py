"""The child processes that make one machine a platform: the bus door, a worker on threads, a worker on prefork."""

import sys
from collections.abc import Sequence

from producers.cli.commands.worker import ON_PREFORK, ON_THREADS, SLOTS, Pool, all_lanes
from producers.cli.environment import environment
from producers.cli.processes import Program
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.lanes import Lane
from shared.settings import Settings
from shared.tenancy import tiers

#: The name of the door's process and log.
DOOR = "bus"


def door(settings: Settings) -> Program:
    return _program(settings, DOOR, "takes jobs from the bus", port=0)


def workers(cell: Cell, slots: int | None) -> Sequence[Program]:
    """One worker on threads and one on prefork, for all lanes there are now; `slots` are those of the first."""
    of_tiers, apart = tiers.names(cell.control), cell.tenants.dedicated()

    def lanes(families: Sequence[Family]) -> Sequence[Lane]:
        return [*all_lanes(families, of_tiers), *(lane for lane in apart if lane.family in families)]

    threads, prefork = slots or SLOTS[Pool.THREADS], SLOTS[Pool.PREFORK]
    return (
        _worker(cell.settings, "worker", lanes(ON_THREADS), slots=threads, port=1),
        _worker(cell.settings, "ingest", lanes(ON_PREFORK), slots=prefork, port=2),
    )


def _worker(settings: Settings, name: str, lanes: Sequence[Lane], *, slots: int, port: int) -> Program:
    families = dict.fromkeys(lane.family for lane in lanes)
    about = f"runs {', '.join(families)}; {slots} at once"
    serve = ("worker", *(word for lane in lanes for word in ("--lane", str(lane))), "--slots", str(slots))
    return _program(settings, name, about, *serve, port=port)


def _program(settings: Settings, name: str, about: str, *arguments: str, port: int) -> Program:
    """A command of our own. `port`: how far its metrics are from the port set, for each process needs one."""
    if settings.metrics_port is not None:
        settings = settings.model_copy(update={"metrics_port": settings.metrics_port + port})
    command = (sys.executable, "-m", "producers.cli.main", *(arguments or (name,)))
    return Program(name, command, about, environment(settings))

"""The gate's sweep, and its rebuild where the sweep finds it closed. Every worker offers to do it; one does."""

from shared.cell import Cell
from shared.gate.gate import GateClosed
from shared.telemetry import metrics

#: Longest time between two sweeps, in seconds; P5 allows a free slot two of them.
LONGEST = 1.0

#: Shortest: bounds what a due time that keeps coming may cost.
SHORTEST = 0.005


def sweep(cell: Cell, worker: str) -> float:
    """One sweep; answers the seconds until something is due."""
    try:
        answered = cell.gate.sweep(worker)
    except GateClosed:
        rebuilt = cell.rebuilder.rebuild()
        if rebuilt is None:
            return LONGEST / 4
        cell.permits.publish(rebuilt.permits)
        return 0.0
    cell.permits.publish(answered.permits)
    return min(LONGEST, max(SHORTEST, answered.fields["wake"] / 1000)) if answered.fields["swept"] else LONGEST


def observe(cell: Cell) -> float:
    """Set the gauges of each lane; answers the seconds until the next look."""
    seen = cell.gate.look()
    waiting: dict[str, int] = {}
    for backlog in list(seen["backlogs"]):
        waiting[backlog["lane"]] = waiting.get(backlog["lane"], 0) + backlog["waiting"]
    for lane in list(seen["lanes"]):
        metrics.BACKLOG.labels(lane=lane["lane"]).set(waiting.get(lane["lane"], 0))
        metrics.RUNNING.labels(lane=lane["lane"]).set(lane["running"])
    return 5.0

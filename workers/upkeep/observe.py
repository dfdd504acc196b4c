"""Looks at the gate for the metrics: every worker's main process does, so that one of them is always there to ask."""

from collections import Counter

from shared.cell import Cell
from shared.gate.view import Why, view
from shared.telemetry import metrics

#: Seconds between two looks.
PAUSE = 5.0


def observe(cell: Cell) -> float:
    """Set the gauges of each lane; answers the seconds until the next look."""
    seen = view(cell.gate.look())
    blocked = Counter((backlog.lane, backlog.reason) for backlog in seen.backlogs if backlog.reason)
    for lane in seen.lanes:
        metrics.BACKLOG.labels(lane=lane.lane).set(lane.waiting)
        metrics.RUNNING.labels(lane=lane.lane).set(lane.running)
        for why in Why:
            metrics.BLOCKED.labels(lane=lane.lane, reason=why).set(blocked[lane.lane, why])
    return PAUSE

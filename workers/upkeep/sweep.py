"""The gate's sweep, and its rebuild where the sweep finds it closed. Every worker offers to do it; one does."""

from shared.cell import Cell
from shared.gate.gate import GateClosed

#: Longest time between two sweeps, in seconds; P5 allows a free slot two of them.
LONGEST = 1.0

#: Shortest: bounds what a due time that keeps coming may cost.
SHORTEST = 0.005


#: The bell that rings for the sweeper when something falls due before it means to look again (`scripts/records.lua`).
BELL = "sweep"


def sweep(cell: Cell, worker: str) -> float:
    """One sweep, and the wait until something is due; answers the seconds that others who would sweep may pause."""
    try:
        answered = cell.gate.sweep(worker)
    except GateClosed:
        rebuilt = cell.rebuilder.rebuild()
        if rebuilt is None:
            return LONGEST / 4
        cell.permits.publish(rebuilt.permits)
        return 0.0
    cell.permits.publish(answered.permits)
    if not answered.fields["swept"]:
        return LONGEST
    pause = answered.fields["wake"] / 1000
    if pause > SHORTEST:
        cell.wakeups.wait(BELL, pause)
    return SHORTEST

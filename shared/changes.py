"""Telling the gate what was changed in the control data: what tenants may do, what lanes weigh and which are paused.

Whoever makes a change tells it at once; the sweep of changes tells it again, in case that died in between or the gate
could not hear. Telling twice changes nothing, and of two things told of a tenant the newer holds.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.tenancy.tenants import Tenant

#: Tenants per round trip: large enough that the trip does not count, small enough that Redis answers others in between.
BATCH = 500


def tell_tenants(cell: Cell, tenants: Iterable[Tenant]) -> None:
    """What these tenants may do, and what their lanes weigh; raises what the gate raises."""
    weights: dict[str, float] = {}
    source = iter(tenants)
    while batch := list(islice(source, BATCH)):
        cell.permits.publish(cell.gate.configure(*(tenant.configuration for tenant in batch)))
        for tenant in batch:
            weights |= {tenant.lane(family): tenant.lane_weight(family) for family in Family}
    for lane, weight in weights.items():
        cell.permits.publish(cell.gate.weigh(lane, weight))


def tell_pauses(cell: Cell, lanes: Mapping[str, bool]) -> None:
    """Whether these lanes are held back; raises what the gate raises."""
    for lane, paused in lanes.items():
        cell.permits.publish(cell.gate.pause(lane, paused=paused))

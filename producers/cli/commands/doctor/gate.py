"""The gate and the workers that it knows."""

from collections.abc import Collection, Iterator, Mapping

from producers.cli.commands.doctor.finding import Finding, failed, ok, warning
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.gate.gate import GateClosed
from shared.gate.view import View, view


def gate(cell: Cell) -> Iterator[Finding]:
    """Open, with workers for every lane that a tenant may use or that has jobs, and nothing held back unknown."""
    try:
        seen = view(cell.gate.look())
    except GateClosed as closed:
        yield failed("gate", f"{closed}: start one with `headgate worker`")
        return
    waiting = {lane.lane: lane.waiting for lane in seen.lanes}
    yield ok("gate", f"open; {sum(waiting.values())} jobs wait, {seen.delayed} until they are due")
    yield from _paused(cell, seen)
    if not seen.workers:
        yield failed("workers", "none: start one with `headgate worker`")
        return
    yield ok("workers", f"{seen.workers} at work")
    served = {lane.lane for lane in seen.lanes if lane.slots}
    yield from _unserved((needed(cell) | {lane for lane, jobs in waiting.items() if jobs}) - served, waiting)


def needed(cell: Cell) -> set[str]:
    """The lanes that some tenant may have jobs in."""
    return {
        tenant.lane(family)
        for tenant in cell.tenants.all()
        for family in Family
        if getattr(tenant.limits, family.value) > 0
    }


def _paused(cell: Cell, seen: View) -> Iterator[Finding]:
    """What an operator has paused, which may have been forgotten."""
    for lane in seen.lanes:
        if lane.paused:
            yield warning(f"lane {lane.lane}", f"paused: `headgate resume --lane {lane.lane}` lets it go on")
    for tenant in cell.tenants.all():
        if tenant.paused:
            name = tenant.tenant_id
            yield warning(f"tenant {name}", f"paused: `headgate resume --tenant {name}` lets it go on")


def _unserved(lanes: Collection[str], waiting: Mapping[str, int]) -> Iterator[Finding]:
    for lane in sorted(lanes):
        remedy = f"no worker serves it: `headgate worker --lane {lane}`"
        if waiting.get(lane):
            yield failed(f"lane {lane}", f"{waiting[lane]} jobs wait and {remedy}")
        else:
            yield warning(f"lane {lane}", remedy)
    if not lanes:
        yield ok("lanes", "every lane has a worker")

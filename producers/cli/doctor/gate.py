"""The gate and the workers that it knows."""

from collections.abc import Iterator

from producers.cli.doctor.finding import Finding, failed, ok, warning
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.gate.gate import GateClosed


def gate(cell: Cell) -> Iterator[Finding]:
    """Open, and with workers for every lane that a tenant may use."""
    try:
        seen = cell.gate.look()
    except GateClosed as closed:
        yield failed("gate", f"{closed}: start one with `headgate worker`")
        return
    waiting: dict[str, int] = {}
    for backlog in seen["backlogs"]:
        waiting[backlog["lane"]] = waiting.get(backlog["lane"], 0) + backlog["waiting"]
    yield ok("gate", f"open; {sum(waiting.values())} jobs wait, {seen['delayed']} until they are due")
    if not seen["workers"]:
        yield failed("workers", "none: start one with `headgate worker`")
        return
    yield ok("workers", f"{seen['workers']} at work")
    yield from _unserved(needed(cell) - set(seen["slots"]), waiting)


def needed(cell: Cell) -> set[str]:
    """The lanes that some tenant may have jobs in."""
    return {
        tenant.lane(family)
        for tenant in cell.tenants.all()
        for family in Family
        if getattr(tenant.limits, family.value) > 0
    }


def _unserved(lanes: set[str], waiting: dict[str, int]) -> Iterator[Finding]:
    for lane in sorted(lanes):
        remedy = f"no worker serves it: `headgate worker --lanes {lane}`"
        if waiting.get(lane):
            yield failed(f"lane {lane}", f"{waiting[lane]} jobs wait and {remedy}")
        else:
            yield warning(f"lane {lane}", remedy)
    if not lanes:
        yield ok("lanes", "every lane has a worker")

"""Why a job waits, and until when: what the ledger, the tenant's limits and the gate say of it, put together."""

from dataclasses import dataclass
from datetime import datetime

from shared import clock
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.errors import Unavailable
from shared.gate.gate import GateClosed
from shared.gate.view import Backlog, View, Why, view
from shared.lanes import Lane
from shared.ledger import obstacles
from shared.ledger.reading import Job
from shared.ledger.states import State
from shared.metering.levels import BUDGETS, levels, worded
from shared.tenancy.tenants import Tenant


@dataclass(frozen=True)
class Wait:
    """`until`: the moment before which nothing changes by itself; None where something else must happen first."""

    reason: str
    until: datetime | None = None


def why(cell: Cell, job: Job) -> Wait | None:
    """None for a job that does not wait. What is said first must happen first."""
    if job.state != State.WAITING:
        return None
    tenant = cell.tenants.get(job.tenant_id)
    if not tenant.active:
        return Wait(f"the tenant is suspended: `headgate tenant resume {tenant.tenant_id}`")
    if job.due_at is not None and job.due_at > clock.now():
        return Wait(_later(job), job.due_at)
    with cell.database.transaction(tenant.tenant_id) as connection:
        earlier = obstacles.of_its_key(connection, tenant.tenant_id, job.job_id)
    if earlier is not None:
        return Wait(f"job {earlier.job_id} of its ordering key {job.ordering_key!r} goes first and is {earlier.state}")
    return _at_gate(cell, job, tenant)


def _later(job: Job) -> str:
    """Why not now: a run that failed nobody left its reason too, such as a key that is missing."""
    if job.failures:
        return f"it failed {job.failures} times, last: {job.error}"
    return job.error or "it was asked for then"


def _at_gate(cell: Cell, job: Job, tenant: Tenant) -> Wait:
    try:
        seen = view(cell.gate.look(tenant=tenant.tenant_id))
        if job.offered_at is None:
            return Wait("it is not offered to the gate yet: a worker that serves ops does that within 10 s")
        backlog = _backlog_of(seen, job, tenant)
        if backlog is None:
            return Wait("the gate hands it to a worker now")
        return Wait(_obstacle(cell, seen, backlog, job, tenant), backlog.until)
    except (GateClosed, Unavailable) as error:
        return Wait(str(error))


def _backlog_of(seen: View, job: Job, tenant: Tenant) -> Backlog | None:
    """Where it waits. A tenant that changed its lane may wait in several; the present one is looked at first."""
    present = tenant.lane(Family(job.family))
    waits = [x for x in seen.backlogs if x.waiting and Lane.named(x.lane).family == job.family]
    return min(waits, key=lambda backlog: backlog.lane != present, default=None)


def _obstacle(cell: Cell, seen: View, backlog: Backlog, job: Job, tenant: Tenant) -> str:
    """What is in its way, and what an operator can do about it."""
    if backlog.reason is None:
        return _its_turn(cell, seen, job, backlog.lane)
    if backlog.reason is Why.BUDGET:
        return _shortage(cell, job, tenant)
    name, lane, running = tenant.tenant_id, backlog.lane, backlog.running
    raised = f"`headgate tenant configure {name} --limit NAME=NUMBER` raises"
    said = {
        Why.SUSPENDED: f"the gate has not heard of the end of a suspension: `headgate tenant resume {name}` tells it",
        Why.PAUSED: f"the tenant is paused: `headgate resume --tenant {name}`",
        Why.LANE_PAUSED: f"the lane {lane} is paused: `headgate resume --lane {lane}`",
        Why.LIMIT: f"a limit of 0 lets none of the tenant's jobs run in {lane}: {raised} it",
        Why.RATE: f"the tenant's rate of {tenant.limits.rate} starts a minute is used up: {raised} it",
        Why.CONCURRENCY: f"{running} of the tenant's jobs run in {lane}, as many as its limits allow: {raised} them",
        Why.UNSERVED: f"no worker serves {lane}: `headgate worker --lane {lane}` starts one",
    }
    return said[backlog.reason]


def _shortage(cell: Cell, job: Job, tenant: Tenant) -> str:
    """Which hard budgets have no room for its next call."""
    with cell.database.transaction(tenant.tenant_id) as connection:
        need = obstacles.needed(connection, tenant.tenant_id, job.job_id)
    if need is None:
        return f"a job before it waits for room in a budget: see `headgate budget show {tenant.tenant_id}`"
    short = [
        f"{level.budget} has {worded(BUDGETS[level.budget], level.left)} left, and its next call may draw "
        f"{worded(BUDGETS[level.budget], getattr(need, level.unit))}"
        for level in levels(tenant.budgets, cell.gate.drawn(tenant.tenant_id), clock.now())
        if level.hard and level.left < getattr(need, level.unit)
    ]
    raised = f"`headgate budget set {tenant.tenant_id}` raises it"
    return f"over budget: {'; '.join(short)}; {raised}" if short else "there is room in its budgets again"


def _its_turn(cell: Cell, seen: View, job: Job, lane: str) -> str:
    with cell.database.transaction(job.tenant_id) as connection:
        ahead = obstacles.ahead(connection, job.tenant_id, job.job_id)
    slots = next(x.slots for x in seen.lanes if x.lane == lane)
    before_it = f"{ahead} of the tenant's own jobs go before it" if ahead else "it is the tenant's next"
    return f"its turn has not come: {before_it} in {lane}, which has {slots} slots"

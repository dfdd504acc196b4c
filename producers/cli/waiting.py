"""Why a job waits, and until when: what the ledger, the tenant's limits and the gate say of it, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import clock
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.errors import Unavailable
from shared.gate.gate import GateClosed
from shared.lanes import Lane
from shared.ledger.reading import Job
from shared.ledger.states import State
from shared.tenancy.tenants import Tenant


@dataclass(frozen=True)
class Wait:
    """`until`: the moment before which nothing changes by itself; None where something else must happen first."""

    reason: str
    until: datetime | None = None


def why(cell: Cell, job: Job) -> Wait | None:
    """None for a job that does not wait."""
    if job.state != State.WAITING:
        return None
    tenant = cell.tenants.get(job.tenant_id)
    if not tenant.active:
        return Wait(f"the tenant is suspended: `headgate tenant resume {tenant.tenant_id}`")
    if job.due_at is not None and job.due_at > clock.now():
        after = f"it failed {job.failures} times, last: {job.error}" if job.failures else "it was asked for then"
        return Wait(after, job.due_at)
    return _at_gate(cell, job, tenant)


def _at_gate(cell: Cell, job: Job, tenant: Tenant) -> Wait:
    try:
        seen = cell.gate.look()
    except (GateClosed, Unavailable) as error:
        return Wait(str(error))
    if job.offered_at is None:
        return Wait("it is not offered to the gate yet: a worker that serves ops does that within 10 s")
    return _in_backlog(seen, Family(job.family), tenant)


def _in_backlog(seen: Mapping[str, Any], family: Family, tenant: Tenant) -> Wait:
    """What stands in the way in the lanes of this family; a tenant that changed its tier may wait in several."""
    for backlog in list(seen["backlogs"]):
        lane = Lane.named(backlog["lane"])
        if (backlog["tenant"], lane.family) == (tenant.tenant_id, family) and backlog["waiting"]:
            return Wait(_obstacle(backlog, str(lane), slots=dict(seen["slots"]).get(str(lane), 0)))
    return Wait("the gate hands it to a worker now")


def _obstacle(backlog: Mapping[str, Any], lane: str, *, slots: int) -> str:
    raised = f"`headgate tenant configure {backlog['tenant']} --limit` raises them"
    match backlog["stands"]:
        case "blocked":
            return f"the tenant's limits let none of its jobs run in {lane}: {raised}"
        case "full":
            return f"{backlog['running']} of the tenant's jobs run in {lane}, as many as its limits allow: {raised}"
    if not slots:
        return f"no worker serves {lane}: `headgate worker --lanes {lane}` starts one"
    return f"its turn has not come: {backlog['waiting']} of the tenant's jobs wait in {lane}, which has {slots} slots"

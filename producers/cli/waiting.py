"""Why a job waits, and until when: what the ledger, the tenant's limits and the gate say of it, put together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import clock
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.errors import Unavailable
from shared.gate.gate import GateClosed
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
    if not seen["workers"]:
        return Wait("no worker runs: start one with `headgate worker`")
    return _in_backlog(list(seen["backlogs"]), job, tenant)


def _in_backlog(backlogs: list[dict[str, Any]], job: Job, tenant: Tenant) -> Wait:
    lane = tenant.lane(Family(job.family))
    mine = [seen for seen in backlogs if (seen["lane"], seen["tenant"]) == (lane, tenant.tenant_id)]
    if mine and mine[0]["stands"] == "full":
        return Wait(
            f"the tenant runs as many {job.family} as its limits allow: `headgate tenant configure` raises them"
        )
    waiting = mine[0]["waiting"] if mine else 1
    return Wait(f"its turn has not come: {waiting} of the tenant's jobs wait in {lane}; is that lane served?")

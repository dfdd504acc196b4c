"""Where a tenant stands in a lane, as the design has it: the first reason that holds it back, and until when."""

from math import inf

from tests.support.oracle.jobs import Job, Jobs, Where, family_of
from tests.support.oracle.money import Money
from tests.support.oracle.tenants import Standing, Tenant


def standing(tenant: Tenant, lane: str, jobs: Jobs, money: Money, now: float) -> Standing:
    backlog = jobs.backlog(tenant.name, lane)
    if not backlog:
        return Standing("idle")
    blocked = _by_hand(tenant, lane) or _by_budget(tenant, backlog[0], money, now) or _by_rate(tenant, lane, now)
    return blocked or Standing("ready" if headroom(tenant, lane, jobs) > 0 else "full")


def _by_hand(tenant: Tenant, lane: str) -> Standing | None:
    """By what somebody set: nothing but a change of it lets the tenant go on."""
    limits = tenant.told.limits
    if not tenant.told.open:
        return Standing("blocked", "closed")
    if tenant.told.paused:
        return Standing("blocked", "paused")
    if limits.running == 0 or getattr(limits, family_of(lane)) == 0:
        return Standing("blocked", "limit")
    return None


def _by_budget(tenant: Tenant, first: Job, money: Money, now: float) -> Standing | None:
    """By what the next job needs. A need above the whole limit does not wait: its worker denies the job."""
    short = first.wanted and money.shortage(tenant.name, tenant.told.budgets, first.wanted, now)
    return Standing("blocked", "budget", now + short.seconds * 1000) if short and not short.never else None


def _by_rate(tenant: Tenant, lane: str, now: float) -> Standing | None:
    starts, more = tenant.allowance(family_of(lane), now)
    return Standing("blocked", "rate", more) if starts <= 0 else None


def headroom(tenant: Tenant, lane: str, jobs: Jobs) -> int:
    """How many more of the lane's family it may run now."""
    limits, family = tenant.told.limits, family_of(lane)
    in_family = int(getattr(limits, family)) - jobs.running(tenant.name, family)
    return min(limits.running - jobs.running(tenant.name), in_family)


def startable(tenant: Tenant, lane: str, jobs: Jobs, now: float) -> int:
    """How many jobs of a tenant that stands ready could start now."""
    starts, _ = tenant.allowance(family_of(lane), now)
    waiting = jobs.count(Where.WAITING, tenant=tenant.name, lane=lane)
    room = min(waiting, headroom(tenant, lane, jobs))
    return room if starts == inf else min(room, int(starts))

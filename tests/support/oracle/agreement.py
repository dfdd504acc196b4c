"""Gate and model, compared: all that the gate keeps is what the model says."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.support.books import Books, Record
from tests.support.near import all_same, same
from tests.support.oracle.jobs import Job, Where
from tests.support.oracle.lanes import CAP
from tests.support.oracle.model import Model
from tests.support.oracle.tenants import Part

#: Redis answers JSON with 14 digits: a tenth of a millisecond since 1970.
MOMENT = 0.1


def agree(books: Books, model: Model) -> None:
    _jobs_agree(books, model)
    _tenants_agree(books, model)
    _lanes_agree(books, model)
    _budgets_agree(books, model)


def _jobs_agree(books: Books, model: Model) -> None:
    assert books.jobs.keys() == {str(job.id) for job in model.jobs}
    for job in model.jobs:
        _job_agrees(books.jobs[str(job.id)], job)
    dues = {str(job.id): job.due for job in model.jobs if job.where == Where.DELAYED}
    assert all_same(books.delayed, dues, MOMENT)
    ends = {str(job.id): hand.ends for job, hand in model.jobs.hands()}
    assert all_same(books.leases, ends, MOMENT)
    for tenant, lane, _ in books.parts():
        assert books.waiting(tenant, lane) == [str(job.id) for job in model.jobs.backlog(tenant, lane)]


def _job_agrees(record: Record, job: Job) -> None:
    assert (record.get("cancelled", False), record.get("again", False)) == (job.cancelled, job.again)
    assert ("need" in record) == (job.wanted is not None)
    lease: Record = record.get("lease", {})
    told = (lease.get("token"), lease.get("worker"))
    assert told == ((str(job.hand.lease.token), job.hand.worker) if job.hand else (None, None))


def _tenants_agree(books: Books, model: Model) -> None:
    for name, tenant in model.tenants.items():
        record = books.tenants[name]
        assert record["version"] == tenant.told.version
        assert same(record.get("tat", 0), tenant.tat, MOMENT)
        assert record["lanes"].keys() == tenant.parts.keys() if tenant.parts else not record["lanes"]
        for lane, part in tenant.parts.items():
            _part_agrees(record["lanes"][lane], part, f"{name} in {lane}")


def _part_agrees(record: Record, part: Part, where: str) -> None:
    assert (record["stands"], record.get("why", "")) == (part.standing.stands, part.standing.why), where
    assert same(record.get("ends"), part.standing.until, MOMENT), where
    assert record["startable"] == part.startable, where
    assert same(record["time"], part.time), where
    assert same(record.get("cost"), part.usual), where


def _lanes_agree(books: Books, model: Model) -> None:
    for name, lane in model.lanes.by_name.items():
        record = books.lanes[name]
        told = (record["weight"], record.get("paused", False), record["live"], record.get("repairs", 0))
        assert told == (lane.weight, lane.paused, lane.live, lane.repairs), name
        assert record.get("returned", False) == lane.returned, name
        assert record["eligible"] == model.startable(name), name
        assert same(record["clock"], lane.clock), name
        assert same(record["pass"], lane.reached), name
        assert same(record.get("seconds"), lane.usual), name
        assert same(record.get("starved"), lane.starved, MOMENT), name
        assert lane.paused or lane.live >= min(model.startable(name), CAP), f"{name} is owed permits"


def _budgets_agree(books: Books, model: Model) -> None:
    told = {call: (held["tenant"], held["tokens"], held["nanos"]) for call, held in books.reserved.items()}
    assert told == {
        call: (held.tenant, held.need.draw.tokens, held.need.draw.nanos) for call, held in model.money.reserved.items()
    }
    for tenant, record in books.budgets.items():
        windows = dict(record.get("windows") or {})
        for window, amounts in windows.items():
            drawn = model.money.drawn[tenant][window]
            assert (amounts["tokens"], amounts["nanos"]) == (drawn["tokens"], drawn["nanos"]), window
        for window in {*model.money.drawn[tenant], *model.money.windows_held(tenant)} - windows.keys():
            _may_be_forgotten(tenant, window, windows, model)


def _may_be_forgotten(tenant: str, window: str, windows: Mapping[str, Any], model: Model) -> None:
    """A window is kept while something is held in it, and while it is one of the two newest."""
    newer = Counter(other[0] for other in windows if other > window)
    nothing = not model.money.drawn[tenant][window].total()
    assert nothing or newer[window[0]] >= 2, window
    assert window not in model.money.windows_held(tenant), window

"""The gate's keys, read as an auditor does: every count from the things that it counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from tests.support.near import all_same

READ = Path(__file__).with_suffix(".lua").read_text()

Record = Mapping[str, Any]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Books:
    """What stands in Redis, by the names of the keys (`shared/gate/keys.py`); an empty list reads as an empty map."""

    jobs: Mapping[str, Record]
    reserved: Mapping[str, Record]
    holders: Mapping[str, str]
    busy: Mapping[str, str]
    passes: Mapping[str, str]
    delayed: Scores
    leases: Scores
    blocked: Scores
    active: Mapping[str, bool]
    planned: float
    bell: int
    tenants: Mapping[str, Record]
    budgets: Mapping[str, Record]
    lanes: Mapping[str, Record]
    ready: Mapping[str, Scores]
    backlogs: Mapping[str, Mapping[str, Sequence[str]]]

    def parts(self) -> Iterator[tuple[str, str, Record]]:
        """Each tenant in each of its lanes."""
        for tenant, record in self.tenants.items():
            for lane, part in record.get("lanes", {}).items():
                yield tenant, lane, part

    def waiting(self, tenant: str, lane: str) -> list[str]:
        return list(self.backlogs[lane][tenant])

    def check(self, now: float) -> None:
        """Every account that can be wrong by itself; `now`: the latest that the clock has shown, in milliseconds."""
        self._each_job_is_in_one_place()
        self._running_counts_leases()
        self._one_of_each_ordering_key_is_out()
        self._needs_count_jobs_that_wait_for_room()
        self._windows_hold_what_is_reserved()
        self._lanes_sum_up_their_tenants()
        self._the_ready_are_in_order()
        self._what_is_due_is_planned_for(now)

    def _each_job_is_in_one_place(self) -> None:
        out = [
            *self.delayed,
            *self.leases,
            *(job for lane in self.backlogs.values() for jobs in lane.values() for job in jobs),
        ]
        assert len(out) == len(set(out))
        assert set(out) <= self.jobs.keys()
        held = Counter(_place(self.jobs[job]) for job in self.jobs.keys() - set(out))
        delayed = Counter(_place(self.jobs[job]) for job in self.delayed)
        running = Counter(_place(self.jobs[job]) for job in self.leases)
        for tenant, lane, part in self.parts():
            place = (tenant, lane)
            assert part["waiting"] == len(self.waiting(tenant, lane))
            assert (part["held"], part["delayed"], part["running"]) == (held[place], delayed[place], running[place])
        assert self.active.keys() == {record["tenant"] for record in self.jobs.values()}

    def _running_counts_leases(self) -> None:
        leased = [record for record in self.jobs.values() if "lease" in record]
        assert len(leased) == len(self.leases)
        assert Counter(record["lease"]["worker"] for record in leased) == {
            name: int(n) for name, n in self.busy.items()
        }
        for name, record in self.tenants.items():
            mine = Counter(_family(job["lane"]) for job in leased if job["tenant"] == name)
            assert record.get("running", 0) == mine.total()
            assert +Counter(record.get("by") or {}) == mine
        for name, record in self.lanes.items():
            assert record.get("running", 0) == sum(job["lane"] == name for job in leased)

    def _one_of_each_ordering_key_is_out(self) -> None:
        out = {
            *self.delayed,
            *self.leases,
            *(job for lane in self.backlogs.values() for jobs in lane.values() for job in jobs),
        }
        keyed = {job: f"{record['tenant']}:{record['key']}" for job, record in self.jobs.items() if "key" in record}
        assert self.holders == {key: job for job, key in keyed.items() if job in out}
        assert self.holders.keys() == set(keyed.values())

    def _needs_count_jobs_that_wait_for_room(self) -> None:
        needs: Counter[str] = Counter()
        for tenant, lane, part in self.parts():
            assert part["needs"] == sum("need" in self.jobs[job] for job in self.waiting(tenant, lane))
            needs[tenant] += part["needs"]
        for tenant, record in self.budgets.items():
            assert record.get("needs", 0) == needs[tenant]

    def _windows_hold_what_is_reserved(self) -> None:
        for tenant, record in self.budgets.items():
            mine = [held for held in self.reserved.values() if held["tenant"] == tenant]
            for window, amounts in dict(record.get("windows") or {}).items():
                for unit in ("tokens", "nanos"):
                    assert amounts[f"held_{unit}"] == sum(held[unit] for held in mine if window in held["windows"])

    def _lanes_sum_up_their_tenants(self) -> None:
        for name, record in self.lanes.items():
            eligible = record.get("eligible", 0)
            assert eligible == sum(part["startable"] for _, lane, part in self.parts() if lane == name)
            offers = eligible > 0 and not record.get("paused")
            assert (name in self.passes) == offers
            assert not offers or record["live"] > 0, f"{name} has jobs to start and no permit is out"

    def _the_ready_are_in_order(self) -> None:
        for lane, ready in self.ready.items():
            times = {
                tenant: part["time"] for tenant, name, part in self.parts() if (name, part["stands"]) == (lane, "ready")
            }
            assert all_same(ready, times)

    def _what_is_due_is_planned_for(self, now: float) -> None:
        wakes = {name: record["wakes"] for name, record in self.tenants.items() if "wakes" in record}
        assert all_same(self.blocked, wakes, within=0.1)
        due = min([*self.blocked.values(), *self.delayed.values()], default=self.planned)
        assert self.planned <= max(due, now), "nobody will sweep when something is due"


def read(client: Redis, cell: str, epoch: int, tenants: Sequence[str], lanes: Sequence[str]) -> Books:
    """The books of an epoch that has these tenants and lanes; `cell`: what the cell's keys begin with."""
    keys = (f"{cell}{epoch}:", f"{cell}wake:sweep")
    told = client.eval(READ, 2, *keys, ",".join(tenants), ",".join(lanes))
    assert isinstance(told, bytes)
    return Books(**orjson.loads(told))


def _place(job: Record) -> tuple[str, str]:
    return job["tenant"], job["lane"]


def _family(lane: str) -> str:
    return lane.replace("@", ".").partition(".")[0]

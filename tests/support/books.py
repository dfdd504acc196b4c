"""The gate's keys, read as an auditor does: every count from the things that it counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import pytest

from tests.support.gates import TimedGate
from tests.support.records import READ


@dataclass(frozen=True)
class Books:
    """What stands in Redis: tenants, lanes and workers as recorded, and where each job is."""

    jobs: frozenset[UUID]
    backlogs: Mapping[tuple[str, str], Sequence[UUID]]
    delayed: Sequence[UUID]
    leases: Sequence[UUID]
    tenants: Mapping[str, Mapping[str, Any]]
    lanes: Mapping[str, Mapping[str, Any]]
    ready: Mapping[str, Mapping[str, float]]
    busy: Mapping[str, str]

    @property
    def running(self) -> Mapping[str, Counter[str]]:
        """By tenant: in all, and by family, as recorded."""
        return {
            tenant: Counter({"running": record.get("running", 0)} | _by(record))
            for tenant, record in self.tenants.items()
        }

    def check(self) -> None:
        """Every account that can be wrong by itself."""
        self._each_job_is_in_one_place()
        self._running_counts_leases()
        self._eligible_counts_what_could_start()
        self._the_ready_are_in_order()
        self._eligible_jobs_have_permits()

    def _each_job_is_in_one_place(self) -> None:
        places = [*self.delayed, *self.leases, *(job for backlog in self.backlogs.values() for job in backlog)]
        assert len(places) == len(set(places))
        assert set(places) == self.jobs
        parts = [(t, lane, part) for t, record in self.tenants.items() for lane, part in _lanes(record).items()]
        assert sum(part["delayed"] for _, _, part in parts) == len(self.delayed)
        for tenant, lane, part in parts:
            assert part["waiting"] == len(self.backlogs[tenant, lane])

    def _running_counts_leases(self) -> None:
        leases = len(self.leases)
        assert sum(running["running"] for running in self.running.values()) == leases
        assert sum(lane.get("running", 0) for lane in self.lanes.values()) == leases
        assert sum(map(int, self.busy.values())) == leases
        assert all(int(count) > 0 for count in self.busy.values())
        for running in self.running.values():
            assert all(count >= 0 for count in running.values())
            assert running["running"] == sum(count for name, count in running.items() if name != "running")

    def _eligible_counts_what_could_start(self) -> None:
        for lane, record in self.lanes.items():
            could = sum(self._could_start(tenant, lane) for tenant in self.tenants)
            told = sum(_lanes(tenant).get(lane, {}).get("startable", 0) for tenant in self.tenants.values())
            assert record.get("eligible", 0) == told == could, lane

    def _could_start(self, tenant: str, lane: str) -> int:
        record, family = self.tenants[tenant], lane.partition(".")[0]
        if not record.get("open"):
            return 0
        waiting, limits = len(self.backlogs.get((tenant, lane), ())), record["limits"]
        room = min(limits["running"] - record["running"], limits[family] - _by(record).get(family, 0))
        return int(min(waiting, max(0, room)))

    def _the_ready_are_in_order(self) -> None:
        for lane, ready in self.ready.items():
            assert set(ready) == {tenant for tenant in self.tenants if self._could_start(tenant, lane)}
            for tenant, time in ready.items():
                assert time == pytest.approx(_lanes(self.tenants[tenant])[lane]["time"])

    def _eligible_jobs_have_permits(self) -> None:
        for lane, record in self.lanes.items():
            assert record.get("live", 0) > 0 or record.get("eligible", 0) == 0, lane


def _by(record: Mapping[str, Any]) -> dict[str, int]:
    return dict(record.get("by", {}))


def _lanes(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(record.get("lanes", {}))


def read(gate: TimedGate, tenants: Sequence[str], lanes: Sequence[str]) -> Books:
    """The books of a gate that has these tenants and lanes, in one round trip."""
    at = f"{gate.prefix}1:"
    pipeline = gate.redis.pipeline(transaction=True)
    pipeline.hkeys(f"{at}jobs")
    for jobs_by_time in ("delayed", "leases"):
        pipeline.zrange(at + jobs_by_time, 0, -1)
    pipeline.hgetall(f"{at}busy")
    backlogs = [(tenant, lane) for tenant in tenants for lane in lanes]
    for tenant, lane in backlogs:
        pipeline.zrange(f"{at}backlog:{lane}:{tenant}", 0, -1)
    for name in (*(f"tenant:{tenant}" for tenant in tenants), *(f"lane:{lane}" for lane in lanes)):
        pipeline.eval(READ, 1, at + name)
    for lane in lanes:
        pipeline.zrange(f"{at}ready:{lane}", 0, -1, withscores=True)
    answers = iter(pipeline.execute())
    return Books(
        jobs=frozenset(_jobs(next(answers))),
        delayed=_jobs(next(answers)),
        leases=_jobs(next(answers)),
        busy={name.decode(): value.decode() for name, value in next(answers).items()},
        backlogs={backlog: _jobs(next(answers)) for backlog in backlogs},
        tenants={tenant: _record(next(answers)) for tenant in tenants},
        lanes={lane: _record(next(answers)) for lane in lanes},
        ready={lane: {name.decode(): time for name, time in next(answers)} for lane in lanes},
    )


def _jobs(members: Iterable[bytes]) -> list[UUID]:
    return [UUID(member.decode()) for member in members]


def _record(packed: bytes | None) -> dict[str, Any]:
    return orjson.loads(packed) if packed else {}

"""The gate's keys, read as an auditor does: every count from the things that it counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from tests.support.gates import TimedGate


@dataclass(frozen=True)
class Books:
    """What stands in Redis: tenants, lanes and workers as recorded, and where each job is."""

    jobs: frozenset[UUID]
    backlogs: Mapping[tuple[str, str], Sequence[UUID]]
    delayed: Sequence[UUID]
    leases: Sequence[UUID]
    leased: frozenset[UUID]
    tenants: Mapping[str, Mapping[str, str]]
    lanes: Mapping[str, Mapping[str, str]]
    ready: Mapping[str, Mapping[str, float]]
    busy: Mapping[str, str]

    @property
    def running(self) -> Mapping[str, Counter[str]]:
        """By tenant: in all, and by family, as recorded."""
        return {
            tenant: Counter({"running": int(record.get("running", 0))} | _by_family(record))
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
        assert set(self.leases) == self.leased
        for record in self.tenants.values():
            by_lane = sum(int(held) for name, held in record.items() if name.startswith("delayed:"))
            assert int(record.get("delayed", 0)) == by_lane
        assert sum(int(record.get("delayed", 0)) for record in self.tenants.values()) == len(self.delayed)

    def _running_counts_leases(self) -> None:
        leases = len(self.leases)
        assert sum(running["running"] for running in self.running.values()) == leases
        assert sum(int(lane.get("running", 0)) for lane in self.lanes.values()) == leases
        assert sum(map(int, self.busy.values())) == leases
        assert all(int(count) > 0 for count in self.busy.values())
        for running in self.running.values():
            assert all(count >= 0 for count in running.values())
            assert running["running"] == sum(count for name, count in running.items() if name != "running")

    def _eligible_counts_what_could_start(self) -> None:
        for lane, record in self.lanes.items():
            could = sum(self._could_start(tenant, lane) for tenant in self.tenants)
            told = sum(int(tenant.get(f"startable:{lane}", 0)) for tenant in self.tenants.values())
            assert int(record.get("eligible", 0)) == told == could, lane

    def _could_start(self, tenant: str, lane: str) -> int:
        record, family = self.tenants[tenant], lane.partition(".")[0]
        waiting = len(self.backlogs.get((tenant, lane), ()))
        room = min(
            int(record.get(f"limit:{name}", 0)) - int(record.get(count, 0))
            for name, count in (("running", "running"), (family, f"running:{family}"))
        )
        return min(waiting, max(0, room)) if record.get("open") == "1" else 0

    def _the_ready_are_in_order(self) -> None:
        for lane, ready in self.ready.items():
            assert set(ready) == {tenant for tenant in self.tenants if self._could_start(tenant, lane)}
            for tenant, time in ready.items():
                assert time == float(self.tenants[tenant][f"time:{lane}"])

    def _eligible_jobs_have_permits(self) -> None:
        for lane, record in self.lanes.items():
            assert int(record.get("live", 0)) > 0 or int(record.get("eligible", 0)) == 0, lane


def _by_family(record: Mapping[str, str]) -> dict[str, int]:
    counts = ((name.removeprefix("running:"), value) for name, value in record.items() if name.startswith("running:"))
    return {family: int(value) for family, value in counts}


def read(gate: TimedGate, tenants: Sequence[str], lanes: Sequence[str]) -> Books:
    """The books of a gate that has these tenants and lanes, in one round trip."""
    at = f"{gate.prefix}1:"
    pipeline = gate.redis.pipeline(transaction=True)
    for job_hash in ("jobs", "leased"):
        pipeline.hkeys(at + job_hash)
    for jobs_by_time in ("delayed", "leases"):
        pipeline.zrange(at + jobs_by_time, 0, -1)
    pipeline.hgetall(f"{at}busy")
    backlogs = [(tenant, lane) for tenant in tenants for lane in lanes]
    for tenant, lane in backlogs:
        pipeline.zrange(f"{at}backlog:{lane}:{tenant}", 0, -1)
    for name in (*(f"tenant:{tenant}" for tenant in tenants), *(f"lane:{lane}" for lane in lanes)):
        pipeline.hgetall(at + name)
    for lane in lanes:
        pipeline.zrange(f"{at}ready:{lane}", 0, -1, withscores=True)
    answers = iter(pipeline.execute())
    return Books(
        jobs=frozenset(_jobs(next(answers))),
        leased=frozenset(_jobs(next(answers))),
        delayed=_jobs(next(answers)),
        leases=_jobs(next(answers)),
        busy=_record(next(answers)),
        backlogs={backlog: _jobs(next(answers)) for backlog in backlogs},
        tenants={tenant: _record(next(answers)) for tenant in tenants},
        lanes={lane: _record(next(answers)) for lane in lanes},
        ready={lane: {name.decode(): time for name, time in next(answers)} for lane in lanes},
    )


def _jobs(members: Iterable[bytes]) -> list[UUID]:
    return [UUID(member.decode()) for member in members]


def _record(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}

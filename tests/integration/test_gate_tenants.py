"""What a tenant may do at once, as it changes while jobs wait and run; and what `look` says of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest

from shared.embedded import Servers
from shared.gate.values import Lease
from tests.support.gates import LEASE, TimedGate, configuration, timed_gate


@pytest.fixture
def gate(servers: Servers) -> Iterator[TimedGate]:
    with timed_gate(servers.redis_url) as made:
        yield made


def all_of(gate: TimedGate, *lanes: str) -> list[Lease]:
    """Claim until the gate has nothing more."""
    leases = []
    while lease := gate.take(*lanes):
        leases.append(lease)
    return leases


def test_a_family_has_no_more_running_than_it_may(gate: TimedGate) -> None:
    gate.put("a", jobs=10, turns=3)
    assert len(all_of(gate)) == 3


def test_a_familys_limit_holds_over_all_its_lanes(gate: TimedGate) -> None:
    gate.put("a", "turns.pro", jobs=5, turns=3)
    gate.put("a", "turns.enterprise", jobs=5, turns=3)
    assert len(all_of(gate, "turns.pro", "turns.enterprise")) == 3


def test_a_tenant_has_no_more_running_in_all_than_it_may(gate: TimedGate) -> None:
    for lane in ("turns.pro", "ingest.pro", "embed.pro"):
        gate.put("a", lane, jobs=5, running=7)
    assert len(all_of(gate, "turns.pro", "ingest.pro", "embed.pro")) == 7


def test_limits_hold_while_many_claim_and_release_at_once(gate: TimedGate) -> None:
    limits = {"a": {"running": 5, "turns": 3, "ingest": 4}, "b": {"running": 2, "turns": 2, "ingest": 2}}
    for tenant, limit in limits.items():
        for lane in ("turns.pro", "ingest.pro"):
            gate.put(tenant, lane, jobs=150, **limit)
    held: dict[tuple[str, str], int] = dict.fromkeys(((t, f) for t in limits for f in ("turns", "ingest")), 0)
    most: dict[Any, int] = {}
    lock = Lock()

    def note(lease: Lease, change: int) -> None:
        # Counted after the claim and before the release, so what is seen is at most what the gate has let run.
        with lock:
            held[lease.tenant, lease.lane.split(".")[0]] += change
            in_all = sum(held[lease.tenant, family] for family in ("turns", "ingest"))
            for key, now in [*held.items(), (lease.tenant, in_all)]:
                most[key] = max(most.get(key, 0), now)

    def slot(number: int) -> int:
        served = 0
        while lease := gate.take("turns.pro", "ingest.pro", worker=f"w{number}"):
            note(lease, 1)
            served += 1
            gate.renew(f"w{number}", [lease], LEASE, slots=None, lanes=[])  # time in which others claim
            note(lease, -1)
            gate.end(lease)
        return served

    with ThreadPoolExecutor(16) as pool:
        served = list(pool.map(slot, range(16)))
    for tenant, limit in limits.items():
        assert most[tenant] <= limit["running"]
        assert most[tenant, "turns"] <= limit["turns"]
        assert most[tenant, "ingest"] <= limit["ingest"]
    assert sum(served) == 600
    assert most["a"] > 1, "nothing ran at once, so nothing was shown"


def test_a_lowered_limit_binds_new_claims(gate: TimedGate) -> None:
    gate.put("a", jobs=10, turns=4)
    running = all_of(gate)
    gate.configure(configuration("a", version=2, turns=2))
    for lease in running[:2]:
        gate.end(lease)
        assert gate.take() is None
    gate.end(running[2])
    assert len(all_of(gate)) == 1


def test_a_suspended_tenants_jobs_wait_and_go_on_when_it_resumes(gate: TimedGate) -> None:
    first, second = gate.put("a", jobs=2)
    assert gate.configure(configuration("a", version=2, is_open=False)) == {}
    assert gate.take() is None
    assert gate.tenant("a")["lanes"]["turns.pro"]["stands"] == "blocked"
    gate.configure(configuration("a", version=3))
    assert [lease.job for lease in all_of(gate)] == [first, second]


def test_a_job_offered_for_a_suspended_tenant_owes_no_permit(gate: TimedGate) -> None:
    gate.put("a", is_open=False)
    assert gate.take() is None
    assert gate.look()["lanes"][0]["live"] == 0


def test_an_older_configuration_is_ignored(gate: TimedGate) -> None:
    gate.configure(configuration("a", version=5, turns=1))
    gate.put("a", jobs=4, version=4, turns=4)
    assert len(all_of(gate)) == 1
    gate.configure(configuration("a", version=5, turns=3))  # the same version: nothing new
    assert all_of(gate) == []


def test_look_says_what_waits_and_runs(gate: TimedGate) -> None:
    gate.put("a", jobs=5, turns=2)
    gate.put("b", "ingest.pro", jobs=3)
    all_of(gate)
    gate.pass_time(2)
    gate.beat(4)
    seen = gate.look()
    lanes = {lane["lane"]: lane for lane in seen["lanes"]}
    backlogs = {(backlog["tenant"], backlog["lane"]): backlog for backlog in seen["backlogs"]}
    assert (lanes["turns.pro"]["running"], lanes["turns.pro"]["eligible"]) == (2, 0)
    assert (lanes["ingest.pro"]["running"], lanes["ingest.pro"]["eligible"]) == (0, 3)
    assert set(backlogs) == {("a", "turns.pro"), ("b", "ingest.pro")}
    waits = backlogs["a", "turns.pro"]
    assert (waits["waiting"], waits["running"], waits["oldest"], waits["stands"]) == (3, 2, 2000, "full")
    assert seen["workers"] == 1


def test_look_forgets_a_tenant_that_has_nothing_left(gate: TimedGate) -> None:
    gate.put("a", jobs=2)
    for lease in all_of(gate):
        gate.end(lease)
    assert list(gate.look()["backlogs"]) == []
    assert gate.redis.scard(f"{gate.prefix}1:active") == 0

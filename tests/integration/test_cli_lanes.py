"""An operator's hand on lanes and tenants: what is paused waits, what is dedicated has a lane of its own."""

from uuid import UUID

import pytest

from shared.cell import Cell
from shared.gate.limits import Configuration
from shared.gate.values import Permits
from shared.tenancy import pauses
from tests.support.cells import LEASE, make_tenant
from tests.support.commands import done, refused
from tests.support.rebuilding import rebuild
from tests.support.walking import finished, submit
from tests.support.workers import workers
from workers.upkeep.changes import Changes

#: What names the two things that can be paused, where acme is on pro.
HANDS = [("--tenant", "acme"), ("--lane", "ops.pro")]


def probe(cell: Cell, secret: str) -> str:
    return submit(cell, "ops.probe", {}, secret)


def claimed(cell: Cell, *lanes: str) -> UUID | None:
    lease = cell.gate.claim("w", lanes or ["ops.pro"], LEASE).lease
    return lease.job if lease else None


@pytest.mark.parametrize("named", HANDS)
def test_what_is_paused_is_accepted_and_waits_until_it_is_resumed(cell: Cell, named: tuple[str, str]) -> None:
    key = make_tenant(cell, "acme")
    before = probe(cell, key.secret)
    assert f"headgate resume {named[0]} {named[1]}" in done(cell.settings, "pause", *named).out
    after = probe(cell, key.secret)
    assert claimed(cell) is None
    waits = done(cell.settings, "jobs", "show", after, "--json").document["waits"]
    assert f"headgate resume {named[0]} {named[1]}" in waits["reason"]
    done(cell.settings, "resume", *named)
    assert [str(claimed(cell)), str(claimed(cell))] == [before, after]


@pytest.mark.parametrize("named", HANDS)
def test_a_pause_outlives_the_gates_memory(cell: Cell, named: tuple[str, str]) -> None:
    key = make_tenant(cell, "acme")
    job = probe(cell, key.secret)
    done(cell.settings, "pause", *named)
    cell.redis.flushall()
    assert rebuild(cell) == (1, 0)
    assert claimed(cell) is None
    done(cell.settings, "resume", *named)
    assert str(claimed(cell)) == job


@pytest.mark.parametrize("named", HANDS)
def test_a_pause_that_the_gate_did_not_hear_of_is_told_by_the_sweep(cell: Cell, named: tuple[str, str]) -> None:
    key = make_tenant(cell, "acme")
    job, sweep = probe(cell, key.secret), Changes(cell).sweep
    deaf = cell.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    assert "learns of this later" in done(deaf, "pause", *named).err
    sweep()
    assert claimed(cell) is None
    done(deaf, "resume", *named)
    assert claimed(cell) is None
    sweep()
    assert str(claimed(cell)) == job


def test_the_sweep_tells_a_change_once(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tenant(cell, "acme")
    told: list[str] = []

    def configure(*configurations: Configuration) -> Permits:
        told.extend(configuration.tenant for configuration in configurations)
        return {}

    monkeypatch.setattr(cell.gate, "configure", configure)
    changes = Changes(cell)
    changes.sweep()
    changes.sweep()
    assert told.count("acme") == 1
    done(cell.settings, "tenant", "configure", "acme", "--weight", "2")
    changes.sweep()
    assert told.count("acme") == 2


def test_a_hand_needs_something_to_lie_on(cell: Cell) -> None:
    make_tenant(cell, "acme")
    for verb in ("pause", "resume"):
        assert "--lane" in refused(cell.settings, verb, code=2)
        assert "--lane" in refused(cell.settings, verb, "--tenant", "acme", "--lane", "ops.pro", code=2)
        assert "no tenant 'nobody'" in refused(cell.settings, verb, "--tenant", "nobody")
        assert "FAMILY.TIER" in refused(cell.settings, verb, "--lane", "pro", code=2)
        for lane in ("ops.gold", "ops@nobody"):
            assert f"there is no lane {lane}" in refused(cell.settings, verb, "--lane", lane)
    assert pauses.paused(cell.dispatcher) == []


def test_the_queues_show_a_lane_that_is_paused(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    probe(cell, key.secret)
    done(cell.settings, "pause", "--lane", "ops.pro")
    seen = done(cell.settings, "queues", "--json").document
    assert [(lane["lane"], lane["paused"]) for lane in seen["lanes"]] == [("ops.pro", True)]
    assert [backlog["reason"] for backlog in seen["backlogs"]] == ["lane_paused"]
    assert "paused" in done(cell.settings, "queues").out


def test_a_dedicated_lane_takes_new_jobs_and_leaves_those_that_wait(cell: Cell) -> None:
    key = make_tenant(cell, "acme", ops=3)
    early = probe(cell, key.secret)
    said = done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops").out
    assert "headgate worker --lane ops@acme" in said
    late = probe(cell, key.secret)
    assert (str(claimed(cell)), claimed(cell)) == (early, None)
    assert str(claimed(cell, "ops@acme")) == late
    assert "stay" not in done(cell.settings, "tenant", "configure", "acme", "--shared", "ops").out
    back = probe(cell, key.secret)
    assert (claimed(cell, "ops@acme"), str(claimed(cell))) == (None, back)


def test_whoever_gives_a_lane_up_is_told_of_the_jobs_that_stay_in_it(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops")
    probe(cell, key.secret)
    tried = done(cell.settings, "tenant", "configure", "acme", "--shared", "ops", "--check").out
    said = done(cell.settings, "tenant", "configure", "acme", "--shared", "ops").out
    assert ("stay" in tried, "stay in ops@acme: 1" in said) == (False, True)
    assert "headgate worker --lane ops@acme" in said


def test_concurrency_counts_over_the_lanes_of_a_family(cell: Cell) -> None:
    key = make_tenant(cell, "acme", ops=2)
    for _ in range(2):
        probe(cell, key.secret)
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops")
    for _ in range(2):
        probe(cell, key.secret)
    assert (claimed(cell) is not None, claimed(cell, "ops@acme") is not None) == (True, True)
    assert (claimed(cell), claimed(cell, "ops@acme")) == (None, None)


def test_a_backlog_counts_over_the_lanes_of_a_family(cell: Cell) -> None:
    make_tenant(cell, "acme", backlog=2)
    done(cell.settings, "submit", "turn", "--tenant", "acme", "One?")
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "turns")
    done(cell.settings, "submit", "turn", "--tenant", "acme", "Two?")
    assert "backlog_full" in refused(cell.settings, "submit", "turn", "--tenant", "acme", "Three?")


def test_a_family_is_dedicated_or_shared(cell: Cell) -> None:
    make_tenant(cell, "acme")
    both = ("--dedicated", "turns", "--shared", "turns")
    assert "either" in refused(cell.settings, "tenant", "configure", "acme", *both, code=2)
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "turns", "--dedicated", "ops")
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "turns", "--shared", "ops")
    assert done(cell.settings, "tenant", "show", "acme", "--json").document["dedicated"] == ["turns"]


def test_a_worker_of_its_own_serves_a_dedicated_lane(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops")
    with workers(cell, ["ops@acme"]):
        assert finished(cell, "acme", probe(cell, key.secret))["state"] == "done"
        said = done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops").out
    assert "no worker serves" not in said

"""`headgate jobs show` says why a job waits, whatever it waits for, and until when."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from producers.cli import door
from shared import clock, ids
from shared.cell import Cell
from shared.gate.values import Ending, Lease
from shared.ledger import ends, runs
from tests.support.cells import LEASE, make_tenant
from tests.support.commands import done
from tests.support.ledgers import new_job, record
from tests.support.spending import Provider, limited, running, steps_of
from tests.support.walking import submit
from tests.support.workers import PATIENCE
from workers.run.reservations import OverBudget


def probe(cell: Cell, secret: str, **attributes: Any) -> str:
    return submit(cell, "ops.probe", {}, secret, **attributes)


def turn(cell: Cell, secret: str, conversation: str | None = None) -> str:
    """A turn of a conversation, by default one of its own: turns of one conversation wait for each other."""
    return submit(cell, "agent.turn", {"conversation": conversation or str(ids.new()), "message": "Hello?"}, secret)


def waits(cell: Cell, job: str) -> dict[str, Any]:
    """What `jobs show` says of its waiting."""
    found: dict[str, Any] = done(cell.settings, "jobs", "show", job, "--json").document["waits"]
    return found


def reason(cell: Cell, job: str) -> str:
    return str(waits(cell, job)["reason"])


def claim(cell: Cell, lane: str = "ops.pro") -> Lease:
    lease = cell.gate.claim("w", [lane], LEASE).lease
    assert lease is not None, "the gate gave no job"
    return lease


def serve(cell: Cell, lane: str = "ops.pro") -> None:
    """A worker of two slots shows itself at the gate."""
    cell.gate.renew("w", [], PATIENCE, slots=2, lanes=[lane])


def test_a_job_for_later_says_until_when(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    due = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    said = waits(cell, probe(cell, key.secret, runat=due.isoformat()))
    assert (said["reason"], datetime.fromisoformat(said["until"])) == ("it was asked for then", due)


def test_a_job_that_waits_for_something_of_its_own_says_for_what(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    job = probe(cell, key.secret)
    runs.start(cell.database, lease := claim(cell))
    with cell.database.transaction("acme") as connection:
        ends.wait_again(connection, lease, after=30.0, error="no key for the model provider", failed=False)
    assert reason(cell, job) == "no key for the model provider"


def test_a_job_behind_its_ordering_key_names_the_one_before_it(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    first, second, third = (probe(cell, key.secret, orderingkey="case-17") for _ in range(3))
    assert f"job {first} of its ordering key 'case-17' goes first and is waiting" in reason(cell, second)
    assert "ordering key" not in reason(cell, first)
    runs.start(cell.database, claim(cell))
    assert f"job {first} of its ordering key 'case-17' goes first and is running" in reason(cell, third)
    other = probe(cell, key.secret, orderingkey="case-18")
    assert "ordering key" not in reason(cell, other)


def test_a_tenant_that_is_suspended_comes_before_all_else(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    job = probe(cell, key.secret)
    done(cell.settings, "pause", "--tenant", "acme")
    assert "headgate resume --tenant acme" in reason(cell, job)
    done(cell.settings, "tenant", "suspend", "acme")
    assert "headgate tenant resume acme" in reason(cell, job)


def test_a_tenant_at_its_concurrency_says_so(cell: Cell) -> None:
    key = make_tenant(cell, "acme", ops=1)
    _, second = probe(cell, key.secret), probe(cell, key.secret)
    claim(cell)
    assert "1 of the tenant's jobs run in ops.pro, as many as its limits allow" in reason(cell, second)


def test_a_limit_of_zero_says_so(cell: Cell) -> None:
    key = make_tenant(cell, "acme", ops=0)
    assert "a limit of 0" in reason(cell, probe(cell, key.secret))


def test_a_tenant_at_its_rate_says_when_the_next_may_start(cell: Cell) -> None:
    key = make_tenant(cell, "acme", rate=1)
    _, second = turn(cell, key.secret), turn(cell, key.secret)
    claim(cell, "turns.pro")
    said = waits(cell, second)
    assert "rate of 1 starts a minute is used up" in said["reason"]
    assert timedelta(seconds=30) < datetime.fromisoformat(said["until"]) - clock.now() <= timedelta(seconds=60)


def test_a_job_over_budget_says_which_how_much_and_until_when(cell: Cell) -> None:
    key = limited(cell, "acme", {"tokens_hour": 1300, "tokens_month": 9_000})
    provider = Provider()
    steps_of(cell, running(cell, "acme", key)).paid("0.model", provider.call())
    short = running(cell, "acme", key, "c-2")
    with pytest.raises(OverBudget) as over:
        steps_of(cell, short).paid("0.model", provider.call())
    with cell.database.transaction("acme") as connection:
        ends.wait_again(connection, short.lease, after=0, error=None, failed=False)
    cell.gate.release(Ending(short.lease, cost=0, how="back", need=over.value.need))
    said = waits(cell, str(short.job))
    assert "tokens_hour has 1,180 tokens left, and its next call may draw 1,200 tokens" in said["reason"]
    assert "tokens_month" not in said["reason"]
    until = datetime.fromisoformat(said["until"])
    assert (until.minute, until.second) == (0, 0)
    assert "headgate budget show acme" in reason(cell, turn(cell, key, "c-3"))


def test_a_lane_without_a_worker_says_how_to_start_one(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    assert "`headgate worker --lane ops.pro` starts one" in reason(cell, probe(cell, key.secret))


def test_a_job_whose_turn_has_not_come_says_how_many_go_before_it(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    serve(cell)
    first, second = probe(cell, key.secret), probe(cell, key.secret)
    urgent = probe(cell, key.secret, priority=0)
    assert "it is the tenant's next in ops.pro, which has 2 slots" in reason(cell, urgent)
    assert "1 of the tenant's own jobs go before it" in reason(cell, first)
    assert "2 of the tenant's own jobs go before it" in reason(cell, second)


def test_a_job_that_was_never_offered_and_one_at_a_closed_gate_say_so(cell: Cell) -> None:
    make_tenant(cell, "acme")
    lost = new_job()
    record(cell, lost)
    assert "within 10 s" in reason(cell, str(lost.job_id))
    cell.redis.flushall()
    assert "closed" in reason(cell, str(lost.job_id))


def test_a_job_waits_in_the_lane_it_was_offered_to(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    job = probe(cell, key.secret)
    done(cell.settings, "tenant", "configure", "acme", "--dedicated", "ops")
    assert "no worker serves ops.pro" in reason(cell, job)
    assert "no worker serves ops@acme" in reason(cell, probe(cell, key.secret))


def test_who_waits_hears_once_why(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "SILENCE", 0.1)
    monkeypatch.setattr(door, "LOOK", 0.05)
    job = UUID(submit(cell, "ops.probe", {}, make_tenant(cell, "acme", ops=1).secret))
    notes: list[str] = []
    with pytest.raises(door.NotEnded, match="no worker serves"):
        door.wait(cell, "acme", [job], seconds=1.0, tell=lambda _, note="": notes.append(note) if note else None)
    (note,) = notes
    assert note.startswith(f"job {job} is not over yet; it waits: no worker serves ops.pro")

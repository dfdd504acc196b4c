"""Conversations turn by turn and jobs that are cancelled, with real workers that are killed in between."""

import itertools
from typing import Any

from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.walking import accept, event, finished, job, submit
from tests.support.workers import eventually, workers

LANES = ["turns.pro", "ops.pro"]

SPOKEN = 3


def turns(cell: Cell) -> list[dict[str, Any]]:
    with cell.database.transaction("acme") as connection:
        return connection.execute("SELECT * FROM tenant.jobs WHERE kind = 'agent.turn' ORDER BY seq").fetchall()


def served(model: Rehearsal) -> int:
    return len(model.served("sk-test-key"))


def said(cell: Cell, conversation: str) -> list[str]:
    statement = "SELECT content FROM tenant.messages WHERE conversation_id = %s AND role = 'user' ORDER BY position"
    with cell.database.transaction("acme") as connection:
        return [row["content"] for row in connection.execute(statement, (conversation,))]


def test_a_conversation_goes_on_turn_by_turn_though_workers_die(speaking_cell: Cell, model: Rehearsal) -> None:
    cell = speaking_cell
    key = make_tenant(cell, "acme").secret
    model.settings(latency=0.2, faults=[{"fault": "lost", "model": "rehearsal-1", "after": 2}])
    spoken = {name: [f"{name} {number}" for number in range(SPOKEN)] for name in ("one", "two")}
    asked = [(name, spoken[name][number]) for number in range(SPOKEN) for name in spoken]
    with workers(cell, LANES) as (doomed,):
        data = [{"conversation": name, "message": message} for name, message in asked]
        accept(cell, *[event("agent.turn", each, key) for each in data])
        eventually(lambda: served(model) >= 3, "one of the first turns hangs in its call")
        doomed.kill()
    with workers(cell, LANES):
        eventually(lambda: all(row["state"] == "done" for row in turns(cell)), "all is said")
    for name, messages in spoken.items():
        assert said(cell, name) == messages
        in_order = [row for row in turns(cell) if row["ordering_key"] == f"conversation/{name}"]
        assert len(in_order) == SPOKEN
        for before, after in itertools.pairwise(in_order):
            assert before["finished_at"] <= after["started_at"]


def test_a_running_turn_is_cancelled_in_its_call_and_what_it_drew_is_on_record(
    speaking_cell: Cell, model: Rehearsal
) -> None:
    """The first of its calls was answered; nobody waits for the second any more, so nobody knows what it drew."""
    cell = speaking_cell
    key = make_tenant(cell, "acme").secret
    model.settings(faults=[{"fault": "lost", "model": "rehearsal-1", "after": 1}])
    with workers(cell, LANES):
        data = {"conversation": "c-1", "message": "What is a lock?"}
        turn = submit(cell, "agent.turn", data, key, replyto="headgate.replies.acme.inbox")
        eventually(lambda: served(model) == 2, "the second call is on its way")
        said = done(cell.settings, "jobs", "cancel", turn, "--json").document
        assert said == {"job": turn, "tenant": "acme", "state": "running", "told": True}
        assert done(cell.settings, "jobs", "show", turn, "--json").document["cancel_requested_at"]
        row = finished(cell, "acme", turn)
        assert (row["state"], row["failures"], row["result"]) == ("cancelled", 0, None)
        eventually(lambda: recorded(cell) == {"answered", "unknown"}, "both calls are on record")
    answered, _ = model.served("sk-test-key")
    assert billed(cell) == answered.input_tokens + answered.output_tokens
    assert "cancelled already" in refused(cell.settings, "jobs", "cancel", turn)


def test_a_waiting_job_is_cancelled_and_its_sender_is_told(cell: Cell) -> None:
    acme, _ = make_tenant(cell, "acme"), make_tenant(cell, "globex")
    waiting = submit(cell, "ops.probe", {}, acme.secret, replyto="headgate.replies.acme.inbox")
    assert "'globex' has no job" in refused(cell.settings, "jobs", "cancel", waiting, "--tenant", "globex")
    assert "is cancelled" in done(cell.settings, "jobs", "cancel", waiting, "--tenant", "acme").out
    with workers(cell, LANES):
        eventually(lambda: replied(cell), "the answer has left")
    assert job(cell, "acme", waiting)["run"] == 0


def test_a_job_whose_worker_died_is_cancelled_when_its_lease_has_run_out(cell: Cell) -> None:
    key = make_tenant(cell, "acme").secret
    with workers(cell, LANES) as (doomed,):
        probe = submit(cell, "ops.probe", {"seconds": 60}, key)
        eventually(lambda: job(cell, "acme", probe)["state"] == "running", "it runs")
        doomed.kill()
    done(cell.settings, "jobs", "cancel", probe)
    with workers(cell, LANES):
        assert finished(cell, "acme", probe)["state"] == "cancelled"


def recorded(cell: Cell) -> set[str]:
    statement = "SELECT state FROM tenant.steps WHERE model IS NOT NULL AND recorded_at IS NOT NULL"
    with cell.database.transaction("acme") as connection:
        return {row["state"] for row in connection.execute(statement)}


def billed(cell: Cell) -> int:
    with cell.database.transaction("acme") as connection:
        rows = connection.execute("SELECT quantity FROM control.usage_records WHERE status = 'billed'").fetchall()
    return sum(row["quantity"] for row in rows)


def replied(cell: Cell) -> bool:
    with cell.database.transaction("acme") as connection:
        rows = connection.execute("SELECT body FROM tenant.outbox WHERE sent_at IS NOT NULL").fetchall()
    return [row["body"]["data"]["state"] for row in rows] == ["cancelled"]

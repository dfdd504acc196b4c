"""Jobs from the command line: submitted, looked into, tried again; and the queues they wait in."""

import os
import pty
import signal
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from producers.cli.environment import environment
from shared import clock, ids
from shared.cell import Cell
from tests.support.cells import make_tenant
from tests.support.commands import command, done, headgate, refused
from tests.support.walking import finished, submit
from tests.support.workers import PATIENCE, ROOT, eventually, workers

LANES = ["turns.pro", "ingest.pro", "embed.pro"]


def ended_badly(cell: Cell, tenant: str, job_id: str, state: str = "dead") -> None:
    """The job as if it had failed too often."""
    with cell.database.transaction(tenant) as connection:
        connection.execute(
            "UPDATE tenant.jobs SET state = %s, failures = 5, error = 'the model is away', offered_at = now(), "
            "finished_at = now() WHERE job_id = %s",
            (state, job_id),
        )


def test_documents_and_a_question_go_in_and_the_answer_comes_out(speaking_cell: Cell, tmp_path: Path) -> None:
    cell = speaking_cell
    make_tenant(cell, "acme")
    note, page = tmp_path / "note.md", tmp_path / "page.html"
    note.write_text("# Lifts\n\nThe red lift goes to the roof garden.")
    page.write_bytes("<p>Le café ouvre à huit heures.</p>".encode("latin-1"))
    with workers(cell, LANES):
        ingested = done(
            cell.settings, "submit", "ingest", "--tenant", "acme", str(note), str(page), "--wait", "--json"
        ).document
        assert [(row["document"], row["state"]) for row in ingested] == [("note.md", "done"), ("page.html", "done")]
        eventually(lambda: shown(cell, "tenant", "show", "acme")["complete"] == 2, "both documents are complete")
        asked = ("submit", "turn", "--tenant", "acme", "Where does the red lift go?", "--wait")
        answer = done(cell.settings, *asked, "--json").document
        assert "roof garden" in answer["result"]["answer"]
        spoken = done(cell.settings, *asked, "--conversation", answer["conversation"])
        assert "roof garden" in spoken.out
        looked = shown(cell, "jobs", "show", answer["job"])
    assert (looked["tenant"], looked["door"], looked["principal"]) == ("acme", "cli", "operator")
    assert looked["waits"] is None
    assert [step["place"] for step in looked["steps"]][:2] == ["assembly", "0.model"]
    models = [step for step in looked["steps"] if step["kind"] == "model"]
    assert models
    assert all(step["state"] == "answered" and step["input_tokens"] > 0 for step in models)


def test_a_file_that_cannot_be_read_submits_nothing(cell: Cell, tmp_path: Path) -> None:
    make_tenant(cell, "acme")
    good = tmp_path / "good.txt"
    good.write_text("fine")
    asked = ("submit", "ingest", "--tenant", "acme", str(good))
    assert "missing.txt" in refused(cell.settings, *asked, str(tmp_path / "missing.txt"))
    assert "cannot read" in refused(cell.settings, *asked, str(tmp_path))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "good.txt").write_text("also")
    assert "good.txt" in refused(cell.settings, *asked, str(tmp_path / "other" / "good.txt"), code=2)
    assert "no tenant 'nobody'" in refused(cell.settings, "submit", "ingest", "--tenant", "nobody", str(good))
    assert shown(cell, "jobs", "list") == []


def test_a_document_larger_than_a_message_may_be_is_refused(cell: Cell, tmp_path: Path) -> None:
    make_tenant(cell, "acme")
    large = tmp_path / "large.txt"
    large.write_text("x" * cell.settings.envelope_bytes)
    assert "oversized" in refused(cell.settings, "submit", "ingest", "--tenant", "acme", str(large))


def test_a_wait_that_is_too_long_says_why_the_job_waits(cell: Cell) -> None:
    make_tenant(cell, "acme")
    line = refused(cell.settings, "submit", "turn", "--tenant", "acme", "Hello?", "--wait", "--patience", "0")
    assert "no worker serves turns.pro" in line


def test_a_turn_may_be_asked_for_as_a_user(cell: Cell) -> None:
    make_tenant(cell, "acme")
    said = done(cell.settings, "submit", "turn", "--tenant", "acme", "--user", "u-1", "Hello?", "--json").document
    payload = done(cell.settings, "jobs", "show", said["job"], "--json").document["payload"]
    assert payload["userIdentifier"] == "u-1"


def test_a_list_is_filtered_and_of_one_tenant_when_asked(cell: Cell) -> None:
    keys = {tenant: make_tenant(cell, tenant) for tenant in ("acme", "globex")}
    probes = {tenant: submit(cell, "ops.probe", {"seconds": 1}, key.secret) for tenant, key in keys.items()}
    turn = submit(cell, "agent.turn", {"conversation": "c", "message": "secret words"}, keys["acme"].secret)
    assert [line["job"] for line in shown(cell, "jobs", "list")] == [turn, probes["globex"], probes["acme"]]
    assert [line["job"] for line in shown(cell, "jobs", "list", "--tenant", "globex")] == [probes["globex"]]
    assert [line["job"] for line in shown(cell, "jobs", "list", "--kind", "agent.turn")] == [turn]
    assert [line["job"] for line in shown(cell, "jobs", "list", "--limit", "1")] == [turn]
    assert shown(cell, "jobs", "list", "--state", "done") == []
    assert "secret words" not in done(cell.settings, "jobs", "list").out
    assert "dead" in refused(cell.settings, "jobs", "list", "--state", "lost", code=2)


def test_a_job_is_shown_to_its_own_tenant_only(cell: Cell) -> None:
    acme, _ = make_tenant(cell, "acme"), make_tenant(cell, "globex")
    mine = submit(cell, "ops.probe", {"seconds": 7}, acme.secret)
    assert shown(cell, "jobs", "show", mine)["payload"] == {"seconds": 7}
    assert shown(cell, "jobs", "show", mine, "--tenant", "acme")["tenant"] == "acme"
    for verb in ("show", "retry"):
        assert "'globex' has no job" in refused(cell.settings, "jobs", verb, mine, "--tenant", "globex")
        assert "no job" in refused(cell.settings, "jobs", verb, str(ids.new()))
    assert "valid UUID" in refused(cell.settings, "jobs", "show", "first", code=2)


def test_a_job_that_is_due_later_says_until_when(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    due = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    later = submit(cell, "ops.probe", {}, key.secret, runat=due.isoformat())
    waits = shown(cell, "jobs", "show", later)["waits"]
    assert (datetime.fromisoformat(waits["until"]), waits["reason"]) == (due, "it was asked for then")
    assert f"{due:%Y-%m-%d %H:%M:%S}" in done(cell.settings, "jobs", "show", later).out


def test_what_a_tenant_writes_cannot_steer_the_terminal(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    words = {"conversation": "c", "message": "\x1b[2J[red]boo[/blue]"}
    sly = submit(cell, "agent.turn", words, key.secret)
    out = done(cell.settings, "jobs", "show", sly).out
    assert "\x1b" not in out
    assert "[red]boo[/blue]" in out


def test_a_dead_job_waits_again_and_runs(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    with workers(cell, ["ops.pro"]):
        for state in ("dead", "discarded"):
            lost = submit(cell, "ops.probe", {}, key.secret)
            assert finished(cell, "acme", lost)["state"] == "done"
            assert "only jobs that are" in refused(cell.settings, "jobs", "retry", lost)
            ended_badly(cell, "acme", lost, state)
            done(cell.settings, "jobs", "retry", lost)
            again = finished(cell, "acme", lost)
            assert (again["state"], again["run"], again["failures"], again["error"]) == ("done", 2, 0, None)


def test_the_queues_say_who_waits_and_why(cell: Cell) -> None:
    assert shown(cell, "queues") == {"lanes": [], "backlogs": [], "workers": 0, "delayed": 0}
    acme = make_tenant(cell, "acme", ops=0)
    *_, last = [submit(cell, "ops.probe", {}, acme.secret) for _ in range(3)]
    seen = shown(cell, "queues")
    (backlog,), (lane,) = seen["backlogs"], seen["lanes"]
    assert (backlog["lane"], backlog["tenant"], backlog["waiting"], backlog["stands"]) == (
        "ops.pro",
        "acme",
        3,
        "blocked",
    )
    assert (lane["lane"], lane["waiting"], lane["slots"], lane["eligible"]) == ("ops.pro", 3, 0, 0)
    assert "blocked" in done(cell.settings, "queues").out
    assert "--limit" in shown(cell, "jobs", "show", last)["waits"]["reason"]
    cell.redis.flushall()
    assert "closed" in refused(cell.settings, "queues")


def test_watching_the_queues_ends_in_order_on_ctrl_c(cell: Cell) -> None:
    mine, its = pty.openpty()
    watching = subprocess.Popen(command("queues", "--watch"), cwd=ROOT, env=environment(cell.settings), stdout=its)
    os.close(its)
    try:
        with os.fdopen(mine, "rb") as screen:
            assert b"lane" in screen.readline()
            watching.send_signal(signal.SIGINT)
            assert watching.wait(PATIENCE) == 0
    finally:
        watching.kill()
        watching.wait()
    assert headgate(cell.settings, "queues", "--watch", "--json").code == 2


def shown(cell: Cell, *arguments: str) -> Any:
    return done(cell.settings, *arguments, "--json").document

"""Tenants and keys from the command line: what binds live, and what is shown once."""

from datetime import datetime, timedelta
from json import dumps
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.agents import agents
from shared.cell import Cell
from shared.contracts.answers import Accepted, Reason, Refused
from shared.tenancy.access import Unauthenticated
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.walking import accept, event, finished, job, submit
from tests.support.workers import eventually, workers


def test_a_tenant_is_made_with_an_agent_and_shown(cell: Cell) -> None:
    done(cell.settings, "tenant", "create", "acme", "--tier", "free", "--name", "Acme [b]", "--limit", "turns=1")
    shown = done(cell.settings, "tenant", "show", "acme", "--json").document
    assert (shown["name"], shown["tier"], shown["status"]) == ("Acme [b]", "free", "active")
    assert (shown["limits"]["turns"], shown["limits"]["running"]) == (1, 4)
    assert [agent["agent"] for agent in shown["agents"]] == ["default"]
    assert (shown["documents"], shown["jobs"]) == (0, {})
    assert "Acme [b]" in done(cell.settings, "tenant", "show", "acme").out
    assert "there is a tenant" in refused(cell.settings, "tenant", "create", "acme", "--tier", "free")
    assert "tiers are" in refused(cell.settings, "tenant", "create", "other", "--tier", "gold")


def test_a_tenant_that_is_made_is_told_as_one_document_when_asked(cell: Cell) -> None:
    made = done(cell.settings, "tenant", "create", "acme", "--tier", "free", "--limit", "turns=1", "--json").document
    assert (made["tenant"], made["tier"], made["status"], made["limits"]["turns"]) == ("acme", "free", "active", 1)
    shown = done(cell.settings, "tenant", "show", "acme", "--json").document
    assert shown | made == shown


def test_a_change_reaches_the_gate_at_once(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    submit(cell, "ops.probe", {}, key.secret)
    submit(cell, "ops.probe", {}, key.secret)
    assert {lane["eligible"] for lane in cell.gate.look()["lanes"]} == {2}
    done(cell.settings, "tenant", "configure", "acme", "--limit", "ops=1", "--weight", "2.5")
    assert {lane["eligible"] for lane in cell.gate.look()["lanes"]} == {1}
    shown = done(cell.settings, "tenant", "show", "acme", "--json").document
    assert (shown["weight"], shown["limits"]["ops"], shown["limits"]["turns"]) == (2.5, 1, 8)


def test_an_agent_is_changed_in_what_is_named(cell: Cell) -> None:
    make_tenant(cell, "acme")
    done(cell.settings, "tenant", "configure", "acme", "--prompt", "Be brief.")
    with cell.database.transaction("acme") as connection:
        agent = agents.get(connection, "acme", "default").configuration
    assert (agent.model, agent.prompt, agent.tools) == ("rehearsal-1", "Be brief.", ["search_knowledge"])
    assert "no agent 'bot'" in refused(cell.settings, "tenant", "configure", "acme", "--agent", "bot", "--model", "m")
    assert "name what to change" in refused(cell.settings, "tenant", "configure", "acme", code=2)


def test_a_suspended_tenants_jobs_wait_and_run_when_it_is_resumed(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    with workers(cell, ["ops.pro"]):
        assert finished(cell, "acme", submit(cell, "ops.probe", {}, key.secret))["state"] == "done"
        done(cell.settings, "tenant", "configure", "acme", "--limit", "ops=1")
        running = submit(cell, "ops.probe", {"seconds": 3}, key.secret)
        waiting = submit(cell, "ops.probe", {}, key.secret)
        eventually(lambda: job(cell, "acme", running)["state"] == "running", "the first runs")
        done(cell.settings, "tenant", "suspend", "acme")
        assert "is suspended" in refused(cell.settings, "submit", "turn", "--tenant", "acme", "Hello?")
        (verdict,) = accept(cell, event("ops.probe", {}, key.secret))
        assert isinstance(verdict.answer, Refused)
        assert verdict.answer.data.reason is Reason.SUSPENDED
        assert finished(cell, "acme", running)["state"] == "done"
        waits = done(cell.settings, "jobs", "show", waiting, "--json").document
        assert waits["state"] == "waiting"
        assert "headgate tenant resume acme" in waits["waits"]["reason"]
        done(cell.settings, "tenant", "resume", "acme")
        assert finished(cell, "acme", waiting)["state"] == "done"
        assert isinstance(accept(cell, event("ops.probe", {}, key.secret))[0].answer, Accepted)


def test_a_change_holds_also_while_the_gate_is_closed(cell: Cell) -> None:
    make_tenant(cell, "acme")
    cell.redis.flushall()
    said = done(cell.settings, "tenant", "suspend", "acme")
    assert "learns of this later" in said.err
    assert not cell.tenants.get("acme").active


def test_the_platforms_own_tenant_is_not_suspended(cell: Cell) -> None:
    assert "platform" in refused(cell.settings, "tenant", "suspend", "platform")


def test_a_key_is_shown_once_and_works_until_it_is_revoked(cell: Cell) -> None:
    make_tenant(cell, "acme")
    made = done(cell.settings, "key", "create", "--tenant", "acme", "--scope", "ops:submit", "--json").document
    assert cell.access.resolve(made["secret"]).tenant == "acme"
    for asked in (("--json",), (), ("--tenant", "acme")):
        listed = done(cell.settings, "key", "list", *asked).out
        assert made["key"] in listed
        assert made["secret"] not in listed
    done(cell.settings, "key", "revoke", made["key"])
    with pytest.raises(Unauthenticated):
        cell.access.resolve(made["secret"])
    states = {key["key"]: key["state"] for key in done(cell.settings, "key", "list", "--json").document}
    assert states[made["key"]] == "revoked"
    assert "headgate key list" in refused(cell.settings, "key", "revoke", "key-none")


def test_a_services_key_acts_for_whom_it_names(cell: Cell) -> None:
    made = done(
        cell.settings,
        *(
            "key",
            "create",
            "--service",
            "shop",
            "--acts-for",
            "acme",
            "--acts-for",
            "globex",
            "--scope",
            "turns:submit",
        ),
        *("--expires-in-days", "7", "--json"),
    ).document
    principal = cell.access.resolve(made["secret"])
    assert (principal.name, sorted(principal.acts_for)) == ("shop", ["acme", "globex"])
    (key,) = done(cell.settings, "key", "list", "--json").document
    assert timedelta(days=6) < datetime.fromisoformat(key["expires_at"]) - clock.now() < timedelta(days=7)


def test_a_key_of_nobody_or_of_two_is_wrong_usage(cell: Cell) -> None:
    for owner in (
        (),
        ("--tenant", "acme", "--service", "shop"),
        ("--service", "shop"),
        ("--tenant", "a", "--acts-for", "b"),
    ):
        assert "--tenant" in refused(cell.settings, "key", "create", "--scope", "ops:submit", *owner, code=2)
    assert "turns:submit" in refused(cell.settings, "key", "create", "--tenant", "acme", "--scope", "all", code=2)
    assert "no tenant" in refused(cell.settings, "key", "create", "--tenant", "nobody", "--scope", "ops:submit")


def test_the_people_are_shown_the_secret_once_on_stdout(cell: Cell) -> None:
    make_tenant(cell, "acme")
    said = done(cell.settings, "key", "create", "--tenant", "acme", "--scope", "ops:submit")
    (secret,) = [line for line in said.out.splitlines() if line.startswith("hg_")]
    assert cell.access.resolve(secret).name == "acme"
    assert "hg_" not in said.err


def test_nobody_is_called_what_the_command_line_is(cell: Cell) -> None:
    assert "use another name" in refused(cell.settings, "tenant", "create", "operator", "--tier", "free")
    service = ("key", "create", "--service", "operator", "--acts-for", "*", "--scope", "turns:submit")
    assert "use another name" in refused(cell.settings, *service)


def test_a_service_and_a_tenant_are_not_called_the_same(cell: Cell) -> None:
    """Reply queues and streams are called after their principal: one would read what the other was told."""
    done(cell.settings, "tenant", "create", "acme", "--tier", "free")
    service = ("key", "create", "--acts-for", "*", "--scope", "turns:submit", "--service")
    assert "'acme' is a tenant" in refused(cell.settings, *service, "acme")
    done(cell.settings, *service, "shop")
    assert "'shop' is a service" in refused(cell.settings, "tenant", "create", "shop", "--tier", "free")


def test_what_is_so_already_is_not_said_to_be_changed(cell: Cell, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    done(cell.settings, "tenant", "create", "acme", "--tier", "pro", "--model", "rehearsal-1")
    told = {"description": "Orders.", "url": "https://crm.example/{path}", "kind": "http"}
    said: dict[str, Any] = {"tier": "pro", "limits": {"turns": 4}, "connections": {"crm": told}}

    def configured(*options: str) -> str:
        file.write_text(dumps(said | {"agents": {"default": {"model": "rehearsal-1"}}}))
        return done(cell.settings, "tenant", "configure", "acme", "-f", str(file), *options).out.splitlines()[0]

    assert configured("--check") == "acme can be changed so."
    assert configured() == "Changed acme."
    assert configured() == "acme is so already: nothing changed."
    assert configured("--check") == "acme is so already: nothing would change."
    told["description"] = "Orders and returns."
    assert configured() == "Changed acme."
    said["limits"] = {"turns": 5}
    assert configured() == "Changed acme."

"""Agents from the command line: a file is saved as a whole or not at all, and what was there before is kept."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.agents import agents
from shared.agents.agents import SavedMeanwhile
from shared.agents.configuration import AgentConfiguration
from shared.agents.files.file import TenantFile
from shared.cell import Cell
from shared.embedded import Servers
from tests.support.commands import done, refused
from tests.support.configuring import GUIDE, agent_file, configure, give_credential, guide_cell, state


@pytest.fixture
def cell(servers: Servers) -> Iterator[Cell]:
    with guide_cell(servers) as made:
        yield made


def test_the_guides_file_is_saved_as_it_stands(cell: Cell) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for name in re.findall(r"headgate credential add acme .*--name ([a-z-]+)", GUIDE.read_text()):
        give_credential(cell, "acme", name)
    saved = configure(cell, text)
    assert (saved["tenant"], saved["connections"], saved["broken"]) == ("acme", ["crm", "orders"], [])
    assert {agent["agent"]: agent["version"] for agent in saved["agents"]} == {"default": 2, "night": 1}
    shown = done(cell.settings, "tenant", "show", "acme", "--json").document
    assert (shown["tier"], shown["weight"], shown["residency"]) == ("enterprise", 2, "eu")
    assert (shown["limits"]["turns"], shown["limits"]["backlog_turns"]) == (16, 500)
    again = configure(cell, text)
    assert [(agent["version"], agent["new"]) for agent in again["agents"]] == [(2, False), (1, False)]


def test_the_guide_names_every_field() -> None:
    guide = GUIDE.read_text()
    for model in (AgentConfiguration, TenantFile):
        assert [name for name in model.model_fields if f"`{name}" not in guide and f"\n{name}:" not in guide] == []


def test_what_a_file_does_not_name_stays(cell: Cell) -> None:
    configure(cell, "agents:\n  other: {model: rehearsal-1}\nlimits: {ops: 1}\nresidency: null\n", "acme")
    configure(cell, "tenant: acme\nlimits: {turns: 3}\n")
    tenant, held, _ = state(cell)
    assert {agent.agent: agent.version for agent in held} == {"default": 1, "other": 1}
    assert (tenant.limits.ops, tenant.limits.turns, tenant.residency) == (1, 3, None)


def test_connections_that_are_named_are_all_there_are_and_who_lost_one_is_told_of(cell: Cell) -> None:
    mcp = "{kind: mcp, url: https://crm.example}"
    configure(cell, f"{agent_file(tools='[crm__find]')}connections: {{crm: {mcp}, other: {mcp}}}\n")
    saved = configure(cell, f"tenant: acme\nconnections: {{other: {mcp}}}\n")
    assert saved["connections"] == ["other"]
    (broken,) = saved["broken"]
    assert broken.startswith("agents.default.tools[0]: there is no tool 'crm__find'")
    assert configure(cell, "tenant: acme\nweight: 3\n")["broken"] == []


def test_a_file_that_is_only_checked_saves_nothing(cell: Cell) -> None:
    before = state(cell)
    text = agent_file(name="Ada") + "weight: 3\nconnections: {a: {kind: mcp, url: https://a.example}}\n"
    saved = configure(cell, text, "--check")
    assert (saved["saved"], saved["agents"]) == (False, [{"agent": "default", "version": None, "new": True}])
    assert state(cell) == before


def test_an_agent_is_shown_by_version_and_can_be_put_back(cell: Cell) -> None:
    done(cell.settings, "tenant", "configure", "acme", "--prompt", "Be brief.\nBe kind.\n")
    done(cell.settings, "tenant", "configure", "acme", "--prompt", "Be long.")
    listed = done(cell.settings, "agent", "list", "acme", "--json").document
    assert [(agent["agent"], agent["version"], agent["prompt"]) for agent in listed] == [("default", 3, "Be long.")]
    versions = done(cell.settings, "agent", "versions", "acme", "--json").document
    assert [saved["version"] for saved in versions] == [3, 2, 1]
    second = done(cell.settings, "agent", "show", "acme", "default", "--version", "2", "--yaml").out
    assert "    prompt: |\n      Be brief.\n      Be kind.\n" in second
    assert [agent["version"] for agent in configure(cell, second)["agents"]] == [4]
    shown = [done(cell.settings, "agent", "show", "acme", "--version", version, "--json").document for version in "24"]
    assert shown[0] | {"version": 4} == shown[1]
    assert "Be kind." in done(cell.settings, "agent", "show", "acme").out
    assert "headgate agent list acme" in refused(cell.settings, "agent", "show", "acme", "bot")
    never = refused(cell.settings, "agent", "show", "acme", "--version", "99")
    assert "has no version 99: `headgate agent versions acme default`" in never
    assert "headgate agent list acme" in refused(cell.settings, "agent", "show", "acme", "bot", "--version", "99")
    assert "there is no tenant" in refused(cell.settings, "agent", "list", "nobody")


def test_of_two_who_save_at_the_same_moment_one_is_told_to_try_again(cell: Cell) -> None:
    configurations = [AgentConfiguration(model="rehearsal-1", name=name) for name in ("Ada", "Bob")]
    with ThreadPoolExecutor(1) as pool:
        with cell.database.transaction("acme") as first:
            assert agents.put(first, "acme", "default", configurations[0], after=1) == 2

            def second() -> int:
                with cell.database.transaction("acme") as connection:
                    return agents.put(connection, "acme", "default", configurations[1], after=1)

            later = pool.submit(second)
        with pytest.raises(SavedMeanwhile, match="try again"):
            later.result()
    with cell.database.transaction("acme") as connection:
        assert agents.get(connection, "acme", "default").configuration.name == "Ada"

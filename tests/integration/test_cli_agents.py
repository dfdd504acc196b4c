"""Agents from the command line: a file is saved as a whole or not at all, and says why not, line by line."""

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.agents import agents
from shared.agents.agents import SavedMeanwhile
from shared.agents.configuration import AgentConfiguration
from shared.agents.file import TenantFile
from shared.cell import Cell
from shared.embedded import Servers
from shared.providers import Provider
from tests.support import cells
from tests.support.cells import make_tenant
from tests.support.commands import done, headgate, refused

GUIDE = Path(__file__).parents[2] / "docs/agents.md"

CREDENTIAL = """
INSERT INTO tenant.credentials (tenant_id, credential, label, sealed, ends_in, revoked_at)
VALUES (%s, %s, '', '', '', CASE WHEN %s THEN now() END)
"""


@pytest.fixture
def cell(servers: Servers) -> Iterator[Cell]:
    """With the providers that the guide asks for, both of which compute in the EU, and one that does not."""
    (asked,) = re.findall(r"HEADGATE_PROVIDERS='(.*?)'", GUIDE.read_text(), re.DOTALL)
    told = {name: Provider.model_validate(provider) for name, provider in orjson.loads(asked).items()}
    told["us-hosted"] = Provider(base_url="https://us.example/v1", region="us")
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), providers=told) as made:
        make_tenant(made, "acme")
        yield made


def give_credential(cell: Cell, tenant: str, name: str, *, revoked: bool = False) -> None:
    with cell.database.transaction(tenant) as connection:
        connection.execute(CREDENTIAL, (tenant, name, revoked))


def configure(cell: Cell, text: str, *options: str) -> Any:
    """What was saved by this file."""
    return done(cell.settings, "tenant", "configure", "-f", written(cell, text), "--json", *options).document


def wrong(cell: Cell, text: str, *options: str) -> list[str]:
    """What the command says of this file, without the file's folder; it must save nothing."""
    before = state(cell)
    said = headgate(cell.settings, "tenant", "configure", "-f", written(cell, text), *options)
    assert (said.code, said.out) == (1, ""), said
    assert state(cell) == before
    return [line.replace(f"{cell.settings.home}/", "") for line in said.err.splitlines()]


def written(cell: Cell, text: str) -> str:
    file = cell.settings.home / "acme.yaml"
    file.write_text(text)
    return str(file)


def state(cell: Cell) -> Any:
    """All that a file may change of the tenant."""
    with cell.database.transaction("acme") as connection:
        reached = connection.execute("SELECT * FROM tenant.connections ORDER BY connection").fetchall()
        return cell.tenants.get("acme"), agents.every(connection, "acme"), reached


def agent_file(**fields: str) -> str:
    """Of the agent `default`; each field stands in a line of its own, the first in the fourth."""
    told = {"model": "rehearsal-1"} | {"tools": "[]"} | fields
    return "tenant: acme\nagents:\n  default:\n" + "".join(f"    {name}: {value}\n" for name, value in told.items())


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


def test_everything_that_is_wrong_is_said_with_its_line_and_nothing_is_saved(cell: Cell) -> None:
    text = """\
tenant: acme
weight: 7
agents:
  default:
    model: gpt-nobody-knows
    provider: nowhere
    tools: [search_knowledge, serch_knowledge, search_knowledge, http_request,
            crm__delete]
    prompt: |
      Hello.
      {% for x in name %}{% endfor %}
    response_template: "{{ anser }}"
    prompts: {nowhere-else: Hello.}
    credential: mine
    fallbacks: [{model: mistral-large-latest, provider: eu-hosted}]
connections:
  crm: {kind: mcp, url: "https://crm.example", tools: [find], credential: theirs}
"""
    lines = wrong(cell, text)
    assert [": ".join(line.split(": ")[:2]) for line in lines] == [
        "acme.yaml:5: agents.default.model",
        "acme.yaml:6: agents.default.provider",
        "acme.yaml:7: agents.default.tools[1]",
        "acme.yaml:7: agents.default.tools[2]",
        "acme.yaml:7: agents.default.tools[3]",
        "acme.yaml:8: agents.default.tools[4]",
        "acme.yaml:11: agents.default.prompt",
        "acme.yaml:12: agents.default.response_template",
        "acme.yaml:13: agents.default.prompts.nowhere-else",
        "acme.yaml:14: agents.default.credential",
        "acme.yaml:15: agents.default.fallbacks[0].model",
        "acme.yaml:17: connections.crm.credential",
    ]
    assert "there is no tool 'serch_knowledge'; tools are search_knowledge, remember, recall" in lines[2]
    assert "a loop may not stand in a template" in lines[6]


def test_a_credential_must_be_the_tenants_own_and_not_revoked(cell: Cell) -> None:
    make_tenant(cell, "globex")
    give_credential(cell, "globex", "theirs")
    give_credential(cell, "acme", "old", revoked=True)
    give_credential(cell, "acme", "mine")
    for name, said in (("theirs", "acme has no credential 'theirs'"), ("old", "credential 'old' of acme is revoked")):
        (line,) = wrong(cell, agent_file(credential=name))
        assert line.startswith(f"acme.yaml:6: agents.default.credential: {said}")
    configure(cell, agent_file(credential="mine"))


def test_an_agents_models_are_those_of_its_tier_and_where_its_words_may_go(cell: Cell) -> None:
    done(cell.settings, "tier", "configure", "pro", "--model", "gpt-4.1-mini", "--model", "gpt-4.1")
    (line,) = wrong(cell, agent_file())
    assert line.endswith("tier 'pro' does not allow model 'rehearsal-1': it allows gpt-4.1, gpt-4.1-mini")
    (line,) = wrong(cell, agent_file(provider="us-hosted", model="gpt-4.1") + "residency: eu\n")
    assert line.endswith("'us-hosted' is not known to compute in 'eu': those that do are acme-azure, eu-hosted")
    configure(cell, agent_file(provider="acme-azure", model="gpt-4.1") + "residency: eu\n")
    done(cell.settings, "tier", "configure", "pro", "--any-model")
    configure(cell, agent_file() + "residency: none\n")


def test_an_answer_must_leave_room_in_its_models_window(cell: Cell) -> None:
    (line,) = wrong(cell, agent_file(max_tokens="131072"))
    assert "agents.default.max_tokens: 131072 tokens of answer fill the window of 'rehearsal-1', 128000 tokens" in line


def test_options_are_checked_as_files_are(cell: Cell) -> None:
    assert "no price" in refused(cell.settings, "tenant", "configure", "acme", "--model", "gpt-nobody-knows")
    assert "line 1: a call" in refused(cell.settings, "tenant", "configure", "acme", "--prompt", "{{ name.x() }}")
    assert "is no region" in refused(cell.settings, "tenant", "configure", "acme", "--residency", "EU!", code=2)
    assert "no price" in refused(cell.settings, "tenant", "create", "b", "--tier", "pro", "--model", "gpt-nobody-knows")
    assert "there is no tenant" in refused(cell.settings, "tenant", "show", "b")
    said = done(cell.settings, "tenant", "configure", "acme", "--residency", "eu")
    assert "From now on turns of agent 'default' are refused: provider: provider 'openai'" in said.err
    assert "eu" in done(cell.settings, "tenant", "show", "acme").out
    done(cell.settings, "tenant", "configure", "acme", "--residency", "none")
    assert done(cell.settings, "tenant", "show", "acme", "--json").document["residency"] is None


def test_a_file_is_about_one_tenant(cell: Cell) -> None:
    (line,) = wrong(cell, "tenant: acme\nweight: 1\n", "globex")
    assert "is about 'acme', not 'globex'" in line
    file = written(cell, "weight: 1\n")
    assert "name the tenant" in refused(cell.settings, "tenant", "configure", "-f", file, code=2)
    assert "there is no tenant" in refused(cell.settings, "tenant", "configure", "nobody", "-f", file)
    assert "either a file" in refused(cell.settings, "tenant", "configure", "acme", "-f", file, "--tier", "pro", code=2)
    assert "cannot read" in refused(cell.settings, "tenant", "configure", "acme", "-f", str(cell.settings.home))


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

"""What a configuration is held against when it is saved: each thing that is wrong is said at its line."""

from collections.abc import Iterator

import pytest

from shared.cell import Cell
from shared.embedded import Servers
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.configuring import agent_file, configure, give_credential, guide_cell, written, wrong


@pytest.fixture
def cell(servers: Servers) -> Iterator[Cell]:
    with guide_cell(servers) as made:
        yield made


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

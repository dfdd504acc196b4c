"""Mistakes in a tenant's file: each is said at its line, with what there is or was meant, and none hides another."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.cell import Cell
from shared.embedded import Servers
from shared.providers import Provider
from tests.support import cells
from tests.support.cells import make_tenant
from tests.support.commands import done, headgate, refused


@pytest.fixture
def cell(servers: Servers) -> Iterator[Cell]:
    """With providers that compute in the EU and in the US."""
    told = {
        name: Provider(base_url=f"https://{name}.example/v1", region=name.removesuffix("-hosted"))
        for name in ("eu-hosted", "us-hosted")
    }
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), providers=told) as made:
        make_tenant(made, "acme")
        yield made


def wrong(cell: Cell, text: str, *options: str) -> list[str]:
    """What the command says of this file, without the file's folder."""
    file = cell.settings.home / "acme.yaml"
    file.write_text(text)
    said = headgate(cell.settings, "tenant", "configure", "-f", str(file), *options)
    assert (said.code, said.out) == (1, ""), said
    return [line.replace(f"{cell.settings.home}/", "") for line in said.err.splitlines()]


AGENT = """\
agents:
  default:
    model: rehearsal-9
    tools: [recal]
"""


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_what_is_the_operators_is_said_at_its_line_beside_what_is_the_tenants(
    cell: Cell, options: tuple[str, ...]
) -> None:
    done(cell.settings, "tenant", "configure", "acme", "--residency", "us")  # and who answers is not held to it
    before = cell.tenants.get("acme")
    lines = wrong(cell, f"tenant: acme\ntier: prro\nresidency: mars\nlimits: {{turns: 3}}\n{AGENT}", *options)
    tier, residency, model, tool = lines
    assert tier.startswith("acme.yaml:2: tier: there is no tier 'prro': tiers are ")
    assert tier.endswith(": did you mean 'pro'?")
    assert residency == (
        "acme.yaml:3: residency: no known provider computes in 'mars': regions of providers are eu, us"
    )
    assert model == (
        "acme.yaml:7: agents.default.model: no price for model 'rehearsal-9': add it to HEADGATE_PRICES, "
        "or did you mean 'rehearsal-1'?"
    )
    assert tool.endswith(": did you mean 'recall'?")
    with cell.control.transaction("acme") as connection:
        row = connection.execute("SELECT version FROM control.tenants WHERE tenant_id = 'acme'").fetchone()
    assert row == {"version": before.version}


def test_a_tenant_that_is_not_there_is_said_at_its_line(cell: Cell) -> None:
    tenant, tier = wrong(cell, "weight: 1\ntenant: acmee\ntier: gold\n")
    assert tenant.startswith("acme.yaml:2: tenant: there is no tenant 'acmee': `headgate tenant list` shows them")
    assert tier.startswith("acme.yaml:3: tier: there is no tier 'gold'")


def test_who_would_be_refused_is_named_and_only_what_is_saved_is_said_to_be(cell: Cell) -> None:
    said = done(cell.settings, "tenant", "configure", "acme", "--residency", "eu", "--check")
    assert said.err.startswith(
        "If this is saved, turns of agent 'default' will be refused: provider: provider 'openai'"
    )
    assert "computes in 'mars'" in refused(cell.settings, "tenant", "configure", "acme", "--residency", "mars")

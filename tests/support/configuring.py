"""A tenant's file on its way through the command line."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from shared.agents import agents
from shared.cell import Cell
from shared.embedded import Servers
from shared.providers import Provider
from tests.support import cells
from tests.support.cells import make_tenant
from tests.support.commands import done, headgate

GUIDE = Path(__file__).parents[2] / "docs/agents.md"

CREDENTIAL = """
INSERT INTO tenant.credentials (tenant_id, credential, label, sealed, ends_in, revoked_at)
VALUES (%s, %s, '', '', '', CASE WHEN %s THEN now() END)
"""


@contextmanager
def guide_cell(servers: Servers) -> Iterator[Cell]:
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

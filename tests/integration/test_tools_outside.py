"""Whole turns whose tools reach outside: what is asked there, and what of it is left on record."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.agents import connections
from shared.agents.connections import HttpEndpoint, McpServer
from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from shared.tenancy import credentials
from tests.support import cells
from tests.support.mcp_servers import declared, listed, saying, scripted
from tests.support.outsider import SECRET, Heard, Says, endpoint, outsider
from tests.support.turning import Slot, configure, rows, says, steps_of, wants
from tests.support.walking import job, submit
from workers.turns.tools.mcp import listings


@pytest.fixture
def cell(servers: Servers, model: Rehearsal) -> Iterator[Cell]:
    """One whose operator lets endpoints be on this machine."""
    listings.forget()
    told: dict[str, Any] = {"OPENAI_BASE_URL": model.url, "tool_networks": ["127.0.0.0/8"]}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **told) as made:
        yield made


def declare(cell: Cell, tenant: str, *, key: str | None = None, **reached: HttpEndpoint | McpServer) -> str:
    """A tenant with these connections, and the secret of a key called `key`; answers its own for submitting."""
    made = cells.make_tenant(cell, tenant)
    with cell.database.transaction(tenant) as connection:
        connections.replace(connection, tenant, reached)
        if key:
            credentials.add(connection, cell.vault, tenant, SecretStr(key), label="", name="key")
    configure(cell, tenant, tools=("http_request", "crm__*"))
    return made.secret


def asked(cell: Cell, tenant: str, key: str) -> tuple[dict[str, Any], str]:
    """The job's row, and its journal as one text."""
    number = submit(cell, "agent.turn", {"conversation": "c", "message": "Do it."}, key)
    Slot(cell).serve()
    row = job(cell, tenant, number)
    assert row["state"] == "done", row["error"]
    return row, json.dumps([step["outcome"] for step in steps_of(cell, tenant, number)])


ROUND = [wants(("http_request", {"endpoint": "orders", "path": "7"}), ("crm__look", {"word": "x"})), says("Done.")]


def test_a_turn_asks_outside_with_the_tenants_credential_and_leaves_it_nowhere(cell: Cell, model: Rehearsal) -> None:
    def echo(heard: Heard) -> Says:
        return Says(json.dumps({"you sent": heard.headers["authorization"]}).encode())

    def look(heard: Heard, _: Any) -> dict[str, Any]:
        return saying(f"you sent {heard.headers['authorization']}")

    model.settings(script=ROUND)
    with outsider(echo) as orders, outsider(scripted([listed("look")], look)) as crm:
        reached: dict[str, Any] = {"orders": endpoint(orders.url, credential="key")}
        key = declare(cell, "acme", key=SECRET, crm=declared(crm.url, credential="key"), **reached)
        row, journal = asked(cell, "acme", key)
    assert orders.heard[0].headers["authorization"] == f"Bearer {SECRET}"
    assert journal.count("Bearer [credential]") == 2
    messages = rows(cell, "acme", "SELECT content FROM tenant.messages")
    everything = journal + json.dumps([row, messages], default=str)
    assert SECRET not in everything


def test_a_tenant_cannot_use_anothers_credential_nor_reach_what_another_declared(cell: Cell, model: Rehearsal) -> None:
    model.settings(script=ROUND)
    with outsider() as acmes, outsider() as globexes:
        declare(cell, "acme", key=SECRET, orders=endpoint(acmes.url, credential="key"))
        key = declare(cell, "globex", orders=endpoint(globexes.url, credential="key"))
        _, journal = asked(cell, "globex", key)
    assert (acmes.heard, globexes.heard) == ([], [])
    assert journal.count('"refused": true') == 2
    assert "its credential 'key' is not there" in journal

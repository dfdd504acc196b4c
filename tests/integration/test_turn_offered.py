"""What a tenant's servers offer changes between the runs of a turn: each run has what the first one had."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.agents import connections
from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.mcp_servers import declared, listed, saying, scripted
from tests.support.outsider import Heard, Outsider, Says, outsider
from tests.support.turning import MODEL, Slot, configure, says, wants
from tests.support.waiting import eventually
from tests.support.walking import job, submit
from workers.turns.tools.mcp import listings

#: As JSON can say it and the journal cannot: with a NUL. The order of its parts is not that of the alphabet.
SCHEMA = {"type": "object", "properties": {"word": {"type": "string", "description": "z\x00"}, "a": {"type": "number"}}}


@pytest.fixture
def cell(servers: Servers, model: Rehearsal) -> Iterator[Cell]:
    """One whose operator lets servers be on this machine."""
    told: dict[str, Any] = {"OPENAI_BASE_URL": model.url, "tool_networks": ["127.0.0.0/8"]}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **told) as made:
        yield made


class Server:
    """A tenant's server that offers `look`, and does what it is asked, and what it was asked to do."""

    def __init__(self) -> None:
        self.tools = [listed("look", SCHEMA)]
        self.away = False
        self.used: list[Mapping[str, Any]] = []

    def says(self, heard: Heard) -> Says:
        return Says(b"", 503) if self.away else scripted(self.tools, self._use)(heard)

    def _use(self, _: Heard, params: dict[str, Any]) -> dict[str, Any]:
        self.used.append(params)
        return saying("seen")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def at(server: Server) -> Iterator[Outsider]:
    with outsider(server.says) as made:
        yield made


Between = Callable[[], None]


@pytest.fixture
def twice(cell: Cell, model: Rehearsal, at: Outsider) -> Callable[[Between], dict[str, Any]]:
    """The row of a turn whose first run dies in its second round's call; `between` is what happens then."""
    key = cells.make_tenant(cell, "acme").secret
    configure(cell, "acme", tools=("crm__*",))
    declare(cell, at.url)
    model.settings(script=[wants(("crm__look", {"word": "x"})), wants(("crm__look", {})), says("Done.")])
    model.settings(faults=[{"fault": "500", "after": 1}], keep_requests=True)

    def run(between: Between) -> dict[str, Any]:
        listings.forget()
        slot, asked = Slot(cell), submit(cell, "agent.turn", {"conversation": "c", "message": "Do it."}, key)
        slot.serve()
        assert job(cell, "acme", asked)["failures"] == 1
        listings.forget()
        between()

        def ran_again() -> bool:
            cell.gate.sweep("w")
            slot.serve()
            return bool(job(cell, "acme", asked)["run"] > 1)

        eventually(ran_again, "the turn has run again")
        return job(cell, "acme", asked)

    return run


def declare(cell: Cell, url: str | None, **told: Any) -> None:
    """From now on the tenant has declared this server, or none."""
    with cell.database.transaction("acme") as connection:
        connections.replace(connection, "acme", {"crm": declared(url, **told)} if url else {})


def offered(model: Rehearsal) -> list[list[str]]:
    """The schemas of the tools in each request, as they were written."""
    asked = [json.loads(body) for body in model.requests()]
    tools = [request.get("tools", ()) for request in asked if request["model"] == MODEL]
    return [[json.dumps(tool["function"]["parameters"]) for tool in each] for each in tools]


def test_a_later_run_has_the_tools_of_the_first_whatever_is_offered_by_then(
    twice: Callable[[Between], dict[str, Any]], model: Rehearsal, server: Server, at: Outsider
) -> None:
    row = twice(lambda: server.tools.__setitem__(0, listed("gone", {"type": "object", "required": ["word"]})))
    assert (row["state"], row["result"].get("refused")) == ("done", None)
    assert offered(model) == [[json.dumps(SCHEMA)]] * 4
    assert [params["name"] for params in server.used] == ["look", "look"]
    assert sum(json.loads(heard.body or "{}").get("method") == "tools/list" for heard in at.heard) == 1


def test_a_server_that_its_tenant_has_withdrawn_is_not_reached_by_a_later_run(
    twice: Callable[[Between], dict[str, Any]], cell: Cell, server: Server
) -> None:
    row = twice(lambda: declare(cell, None))
    assert (row["state"], row["result"]["refused"]) == ("done", ["crm__look"])
    assert len(server.used) == 1


def test_a_tool_that_its_tenant_has_ruled_out_is_not_used_by_a_later_run(
    twice: Callable[[Between], dict[str, Any]], cell: Cell, server: Server, at: Outsider
) -> None:
    row = twice(lambda: declare(cell, at.url, tools=["another"]))
    assert (row["state"], row["result"]["refused"]) == ("done", ["crm__look"])
    assert len(server.used) == 1


def test_a_server_that_is_elsewhere_by_now_is_asked_what_it_offers(
    twice: Callable[[Between], dict[str, Any]], cell: Cell, model: Rehearsal
) -> None:
    other = {"type": "object", "title": "of another"}
    with outsider(scripted([listed("look", other)])) as elsewhere:
        assert twice(lambda: declare(cell, elsewhere.url))["state"] == "done"
    assert offered(model)[-1] == [json.dumps(other)]


def test_a_server_that_could_not_be_asked_is_asked_again_by_a_later_run(
    twice: Callable[[Between], dict[str, Any]], model: Rehearsal, server: Server
) -> None:
    server.away = True
    row = twice(lambda: setattr(server, "away", False))
    assert row["state"] == "done"
    assert [len(tools) for tools in offered(model)] == [0, 0, 1, 1]

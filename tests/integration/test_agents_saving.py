"""Saving: one at a time, and all or nothing, also where a database dies in its middle."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from shared.agents import agents, connections
from shared.agents.agents import SavedMeanwhile
from shared.agents.configuration import AgentConfiguration
from shared.agents.connections import McpServer
from shared.agents.saving import saving
from shared.agents.saving.saving import Wanted
from shared.cell import Cell
from shared.errors import Unavailable
from shared.stores.postgres import Connection
from tests.support.cells import make_tenant

#: Ends the connections that are in the middle of a transaction: the tenant's data's, or the operator's.
END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND (usename = 'headgate_app') = %s
  AND state LIKE 'idle in transaction%%'
"""


def reaching(name: str) -> Mapping[str, McpServer]:
    return {name: McpServer.model_validate({"url": f"https://{name}.example"})}


def stands(cell: Cell) -> tuple[int, str | None, list[str]]:
    """The agent's version, its name, and the connections."""
    with cell.database.transaction("acme") as connection:
        found = agents.get(connection, "acme", "default")
        return found.version, found.configuration.name, list(connections.every(connection, "acme"))


def test_of_two_who_configure_a_tenant_at_once_one_is_told_to_try_again(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row would tell them of each other: what each declares is all that there is to be."""
    make_tenant(cell, "acme")
    written, go_on, replace = Event(), Event(), connections.replace

    def slow(*told: Any) -> None:
        replace(*told)
        written.set()
        assert go_on.wait(20)

    monkeypatch.setattr(connections, "replace", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(saving.save, cell, "acme", Wanted(connections=reaching("crm")))
        assert written.wait(20)
        monkeypatch.setattr(connections, "replace", replace)
        try:
            with pytest.raises(SavedMeanwhile, match="by somebody else at this moment: try again"):
                saving.save(cell, "acme", Wanted(connections=reaching("orders")))
        finally:
            go_on.set()
        assert first.result().changed
    assert stands(cell)[2] == ["crm"]
    saving.save(cell, "acme", Wanted(connections=reaching("orders")))
    assert stands(cell)[2] == ["orders"]


@pytest.mark.parametrize(("tenants", "saved"), [(True, False), (False, True)])
def test_what_is_half_saved_when_a_database_dies_is_saved_by_saving_it_again(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, *, tenants: bool, saved: bool
) -> None:
    make_tenant(cell, "acme")
    ada = AgentConfiguration(model="rehearsal-1", name="Ada")
    wanted = Wanted({"default": ada}, connections=reaching("crm"), changes={"weight": 7.0})
    monkeypatch.setattr(connections, "replace", _then(connections.replace, lambda: _end(cell, tenants=tenants)))
    with pytest.raises(Unavailable):
        saving.save(cell, "acme", wanted)
    monkeypatch.undo()
    assert stands(cell) == ((2, "Ada", ["crm"]) if saved else (1, None, []))
    assert cell.tenants.fresh("acme").weight == 1, "the tenant's own data is committed first"
    assert saving.save(cell, "acme", wanted).changed
    assert stands(cell) == (2, "Ada", ["crm"])
    assert cell.tenants.fresh("acme").weight == 7.0


def _then(act: Callable[..., None], strike: Callable[[], None]) -> Callable[..., None]:
    def struck(connection: Connection, *told: Any) -> None:
        act(connection, *told)
        strike()

    return struck


def _end(cell: Cell, *, tenants: bool) -> None:
    with cell.admin.connection() as connection:
        ended = connection.execute(END, (tenants,)).fetchall()
    assert ended

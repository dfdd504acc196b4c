"""A version that this Headgate cannot read: saved by a newer one, or by an older one that let more in."""

import pytest

from shared.cell import Cell
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.turning import Slot
from tests.support.walking import job, submit

NEWER = """
INSERT INTO tenant.agents (tenant_id, agent, version, configuration)
VALUES ('acme', 'default', 2, '{"model": "rehearsal-1", "unheard_of": 1}')
"""


@pytest.fixture
def key(speaking_cell: Cell) -> str:
    made = make_tenant(speaking_cell, "acme")
    with speaking_cell.database.transaction("acme") as connection:
        connection.execute(NEWER)
    return made.secret


def test_it_is_said_in_one_line_and_another_can_be_saved_in_its_place(speaking_cell: Cell, key: str) -> None:
    settings = speaking_cell.settings
    for command in (("agent", "list", "acme"), ("agent", "show", "acme"), ("tenant", "show", "acme")):
        said = refused(settings, *command)
        assert "version 2 of agent 'default' of 'acme' cannot be read here (unheard_of: " in said
    refused(settings, "tenant", "configure", "acme", "--model", "rehearsal-1")
    assert [saved["version"] for saved in done(settings, "agent", "versions", "acme", "--json").document] == [2, 1]
    file = settings.home / "acme.yaml"
    file.write_text(done(settings, "agent", "show", "acme", "--version", "1", "--yaml").out)
    saved = done(settings, "tenant", "configure", "-f", str(file), "--json").document
    assert saved["agents"] == [{"agent": "default", "version": 3, "new": True}]
    file.write_text("tenant: acme\nweight: 2\n")
    done(settings, "tenant", "configure", "-f", str(file))


def test_a_turn_of_it_is_run_again_by_who_may_read_it(speaking_cell: Cell, key: str) -> None:
    asked = submit(speaking_cell, "agent.turn", {"conversation": "c", "message": "Hello?"}, key)
    Slot(speaking_cell).serve()
    row = job(speaking_cell, "acme", asked)
    assert (row["state"], row["failures"]) == ("waiting", 1)
    assert "version 2 of agent 'default' of 'acme' cannot be read here" in row["error"]

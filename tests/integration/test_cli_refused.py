"""What the bus door turned away is read by command: why, whose, and what it said, without its keys."""

from contextlib import closing
from typing import Any

import pytest

from shared.bus import connect
from shared.cell import Cell
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.doors import door
from tests.support.waiting import eventually
from tests.support.walking import event


@pytest.fixture
def turned_away(cell: Cell) -> str:
    """A message of no kind and one of a wrong payload, turned away in this order; answers the key in the second."""
    key = make_tenant(cell, "acme").secret
    wrong = event("ops.probe", {"seconds": "many", "note": key}, key)
    with closing(connect(cell.bus_url)) as bus, door(cell):
        bus.send([b"\xff\x1b[2J nothing at all", wrong])
        eventually(lambda: len(bus.refused(10)) == 2, "both are kept")
        bus.keep_refused([b"what somebody else wrote there"])
    return key


def listed(cell: Cell, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = done(cell.settings, "refused", "list", *arguments, "--json").document
    return rows


def test_what_was_turned_away_is_listed_newest_first_and_shown_without_keys(cell: Cell, turned_away: str) -> None:
    wrong, nothing = listed(cell)
    assert [wrong["reason"], nothing["reason"]] == ["invalid_payload", "malformed"]
    assert (wrong["principal"], nothing["principal"], "body" in wrong) == ("acme", None, False)
    assert listed(cell, "--tenant", "acme") == listed(cell, "--reason", "invalid_payload") == [wrong]
    assert listed(cell, "--limit", "1") == [], "the newest is nobody's record"
    shown = done(cell.settings, "refused", "show", wrong["entry"], "--json").document
    assert "seconds" in shown["body"]
    assert {name: shown[name] for name in wrong} == wrong
    for said in (shown["body"], done(cell.settings, "refused", "list").out):
        assert turned_away not in said
    out = done(cell.settings, "refused", "show", wrong["entry"]).out
    assert wrong["message"] in out.replace("\n", "")
    steering = done(cell.settings, "refused", "show", nothing["entry"]).out
    assert "[2J nothing at all" in steering
    assert "\x1b" not in steering


def test_an_entry_that_is_not_kept_any_more_is_said_to_be_gone(cell: Cell) -> None:
    assert listed(cell) == []
    assert "`headgate refused list` names them" in refused(cell.settings, "refused", "show", "0123456789ab")
    refused(cell.settings, "refused", "list", "--reason", "malice", code=2)

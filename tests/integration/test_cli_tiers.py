"""Plans from the command line: what is changed binds every tenant of the tier at once, but for what is its own."""

from typing import Any

from shared.cell import Cell
from shared.gate.keys import prefix
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.records import record
from tests.support.walking import submit


def shown(cell: Cell, *arguments: str) -> Any:
    return done(cell.settings, *arguments, "--json").document


def eligible(cell: Cell) -> dict[str, int]:
    """How many jobs of each lane could start now."""
    return {lane["lane"]: lane["eligible"] for lane in cell.gate.look()["lanes"]}


def weight(cell: Cell, lane: str) -> float:
    return float(record(cell.redis, f"{prefix(cell.settings.cell)}1:lane:{lane}")["weight"])


def test_the_tiers_are_listed_and_shown(cell: Cell) -> None:
    make_tenant(cell, "acme")
    listed = shown(cell, "tier", "list")
    assert [tier["tier"] for tier in listed] == ["enterprise", "platform", "pro", "free"]
    pro = shown(cell, "tier", "show", "pro")
    assert (pro["tier"], pro["weight"], pro["limits"]["turns"], pro["tenants"]) == ("pro", 4, 8, 1)
    assert "tiers are enterprise, platform, pro, free" in refused(cell.settings, "tier", "show", "gold")


def test_a_tiers_limits_bind_its_tenants_at_once_but_for_their_own(cell: Cell) -> None:
    for key in (make_tenant(cell, "acme"), make_tenant(cell, "globex", ops=2)):
        for _ in range(3):
            submit(cell, "ops.probe", {}, key.secret)
    assert eligible(cell) == {"ops.pro": 4}
    done(cell.settings, "tier", "configure", "pro", "--limit", "ops=1")
    assert eligible(cell) == {"ops.pro": 3}
    assert shown(cell, "tenant", "show", "globex")["limits"]["ops"] == 2
    assert shown(cell, "tenant", "show", "acme")["limits"]["ops"] == 1


def test_a_limit_is_given_up_by_its_default(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1)
    done(cell.settings, "tenant", "configure", "acme", "--limit", "ops=default")
    assert shown(cell, "tenant", "show", "acme")["limits"]["ops"] == 2
    done(cell.settings, "tier", "configure", "pro", "--limit", "rate=60", "--limit", "backlog_ops=5")
    assert shown(cell, "tier", "show", "pro")["limits"].items() >= {"rate": 60, "backlog_ops": 5}.items()
    done(cell.settings, "tier", "configure", "pro", "--limit", "rate=default", "--limit", "backlog_ops=default")
    assert not {"rate", "backlog_ops"} & set(shown(cell, "tier", "show", "pro")["limits"])
    assert "the limit ops cannot be that" in refused(
        cell.settings, "tier", "configure", "pro", "--limit", "ops=default"
    )


def test_limits_that_are_none_are_refused_and_nothing_is_changed(cell: Cell) -> None:
    before = shown(cell, "tier", "show", "pro")
    for limit, said in (("turn=4", "there is no limit turn"), ("burst=0", "the limit burst cannot be that")):
        assert said in refused(cell.settings, "tier", "configure", "pro", "--limit", limit)
    assert "no limit turn" in refused(cell.settings, "tenant", "create", "acme", "--tier", "pro", "--limit", "turn=4")
    assert "NAME=NUMBER" in refused(cell.settings, "tier", "configure", "pro", "--limit", "ops=-1", code=2)
    assert "name what to change" in refused(cell.settings, "tier", "configure", "pro", code=2)
    assert "tiers are" in refused(cell.settings, "tier", "configure", "gold", "--weight", "2")
    assert shown(cell, "tier", "show", "pro") == before


def test_a_tiers_weight_is_its_lanes_at_once(cell: Cell) -> None:
    key = make_tenant(cell, "acme")
    submit(cell, "ops.probe", {}, key.secret)
    assert weight(cell, "ops.pro") == 4
    done(cell.settings, "tier", "configure", "pro", "--weight", "9")
    assert weight(cell, "ops.pro") == 9
    assert shown(cell, "tier", "show", "pro")["weight"] == 9


def test_a_backlog_that_a_family_has_of_its_own_is_the_bound_at_the_door(cell: Cell) -> None:
    make_tenant(cell, "acme")
    done(cell.settings, "tenant", "configure", "acme", "--limit", "backlog=9", "--limit", "backlog_turns=1")
    done(cell.settings, "submit", "turn", "--tenant", "acme", "Hello?")
    assert "backlog_full" in refused(cell.settings, "submit", "turn", "--tenant", "acme", "Hello again?")

"""What people thought of answers: noted once for each turn, shown, and added up by agent and version."""

from collections.abc import Mapping
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from shared.cell import Cell
from shared.contracts.results import TurnOutcome
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.walking import submit

END = "UPDATE tenant.jobs SET state = %s, result = %s, finished_at = now() - %s * interval '1 day' WHERE job_id = %s"


@pytest.fixture
def keys(cell: Cell) -> Mapping[str, str]:
    return {tenant: make_tenant(cell, tenant).secret for tenant in ("acme", "globex")}


def ended(cell: Cell, key: str, tenant: str = "acme", state: str = "done", *, days: float = 0.0, **result: Any) -> str:
    """A turn that is over, with this in its result."""
    job = submit(cell, "agent.turn", {"conversation": "c", "message": "hello"}, key)
    told = {"answer": "42", "outcome": "answered", "agent": "default", "version": 1} | result
    with cell.database.transaction(tenant) as connection:
        connection.execute(END, (state, Jsonb(told), days, job))
    return job


def failed(cell: Cell, key: str, state: str) -> None:
    """A turn that ended without an answer."""
    job = submit(cell, "agent.turn", {"conversation": "c", "message": "hello"}, key)
    with cell.database.transaction("acme") as connection:
        connection.execute(END, (state, None, 0.0, job))


def feedback(cell: Cell, job: str, *arguments: str) -> Any:
    return done(cell.settings, "jobs", "feedback", job, *arguments, "--json").document


def shown(cell: Cell, job: str) -> Any:
    return done(cell.settings, "jobs", "show", job, "--json").document["feedback"]


def test_feedback_is_shown_with_its_job_and_who_thinks_again_replaces_it(cell: Cell, keys: Mapping[str, str]) -> None:
    job = ended(cell, keys["acme"])
    assert shown(cell, job) is None
    given = feedback(cell, job, "--satisfaction", "2", "--comment", "too \x1b[31mshort", "--by", "ann")
    assert (given["tenant"], given["satisfaction"], given["given_by"]) == ("acme", 2, "ann")
    assert "\x1b" not in done(cell.settings, "jobs", "show", job).out
    feedback(cell, job, "--satisfaction", "5")
    thought = shown(cell, job)
    assert (thought["satisfaction"], thought["comment"], thought["given_by"]) == (5, None, "operator")


def test_feedback_is_for_finished_turns_of_the_tenant_alone(cell: Cell, keys: Mapping[str, str]) -> None:
    waits = submit(cell, "agent.turn", {"conversation": "c", "message": "hello"}, keys["acme"])
    dead, probe = ended(cell, keys["acme"], state="dead"), submit(cell, "ops.probe", {}, keys["acme"])
    mine = ended(cell, keys["acme"])
    for job, said in ((waits, "is waiting"), (dead, "is dead"), (probe, "is no turn but ops.probe")):
        assert said in refused(cell.settings, "jobs", "feedback", job, "--satisfaction", "3")
    foreign = ("jobs", "feedback", mine, "--satisfaction", "3", "--tenant", "globex")
    assert "'globex' has no job" in refused(cell.settings, *foreign)
    three = ("--satisfaction", "3")
    for wrong in (("--satisfaction", "6"), (*three, "--comment", "x" * 5000), (*three, "--by", " "), ()):
        refused(cell.settings, "jobs", "feedback", mine, *wrong, code=2)
    no_text = refused(cell.settings, "jobs", "feedback", mine, *three, "--comment", "\udcff", code=2)
    assert r"'\udcff' is no text" in no_text
    assert shown(cell, mine) is None


def test_quality_adds_up_by_agent_and_version(cell: Cell, keys: Mapping[str, str]) -> None:
    first = [ended(cell, keys["acme"]) for _ in range(3)]
    feedback(cell, first[0], "--satisfaction", "5")
    feedback(cell, first[1], "--satisfaction", "2")
    ended(cell, keys["acme"], version=2, outcome="fallback")
    ended(cell, keys["acme"], version=2, outcome="handed_off", reason="the user said 'human'")
    for outcome in ("handed_off", "closed", "turns_used_up", "hook", "hook"):
        ended(cell, keys["acme"], version=2, outcome=outcome)
    for state in ("dead", "discarded", "denied", "cancelled"):
        failed(cell, keys["acme"], state)
    for each in TurnOutcome:
        ended(cell, keys["acme"], agent="sales", outcome=each)
    ended(cell, keys["acme"], days=40)
    ended(cell, keys["globex"], "globex")
    ends = ("answered", "fallbacks", "handoffs", "rules", "hooks", "failed")
    names = ("agent", "version", "turns", *ends, "feedbacks", "satisfaction")
    rows = done(cell.settings, "quality", "--tenant", "acme", "--json").document
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("default", 1, 3, 3, 0, 0, 0, 0, 0, 2, 3.5),
        ("default", 2, 7, 0, 1, 1, 3, 2, 0, 0, None),
        ("default", None, 3, 0, 0, 0, 0, 0, 3, 0, None),
        ("sales", 1, 6, 1, 1, 0, 3, 1, 0, 0, None),
    ]
    assert all(row["turns"] == sum(row[end] for end in ends) for row in rows)
    everybody = done(cell.settings, "quality", "--days", "60", "--json").document
    assert [(row["tenant"], row["turns"]) for row in everybody] == [
        ("acme", 4), ("acme", 7), ("acme", 3), ("acme", 6), ("globex", 1),
    ]  # fmt: skip
    assert "3.50" in done(cell.settings, "quality").out

"""What was found once is not paid for again: within a tenant, and only while nothing it depends on has changed."""

import threading
from typing import Any

import pytest

from shared.agents.configuration import AgentConfiguration, Retrieval
from shared.cell import Cell
from shared.contracts.results import Result
from shared.knowledge.search import search
from shared.rehearsal.client import Rehearsal
from tests.support.caching import QUESTION, WORDS, Caller, calls
from tests.support.turning import know, rows
from tests.support.walking import job
from workers.outcomes import Done, Outcome, Snooze
from workers.run.context import Context
from workers.turns import retrieval
from workers.turns.retrieval import retrieve


@pytest.fixture
def caller(speaking_cell: Cell) -> Caller:
    return Caller(speaking_cell)


def test_a_question_is_paid_for_once_and_answered_from_what_is_there_now(caller: Caller, model: Rehearsal) -> None:
    know(caller.cell, "acme", "lifts", "The red lift goes to the roof.")
    assert caller.find() == caller.find() == ["The red lift goes to the roof."]
    assert caller.hits() == [("retrieval", "rehearsal-embed", "cache", 0, 0)]
    know(caller.cell, "acme", "lifts", "The red lift goes to the cellar.")
    assert caller.find() == ["The red lift goes to the cellar."]
    assert caller.hits()[1:] == [("embedding", "rehearsal-embed", "openai", 0, 0)]
    know(caller.cell, "acme", "stairs", "The stairs are red too.")
    assert len(caller.find()) == 2
    assert calls(model) == 1


def test_no_tenant_is_answered_from_anothers_cache(caller: Caller, model: Rehearsal) -> None:
    for tenant, where in (("acme", "roof"), ("globex", "cellar")):
        know(caller.cell, tenant, "lifts", f"The red lift goes to the {where}.")
        assert caller.find(tenant=tenant) == [f"The red lift goes to the {where}."]
        assert caller.hits(tenant) == []
    assert calls(model) == 2
    kept = "SELECT kind FROM tenant.cached ORDER BY kind"
    assert [row["kind"] for row in rows(caller.cell, "globex", kept)] == ["embedding", "retrieval"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_changes_beside_a_search_is_found_by_the_next(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Once the versions are read, and before what was found is kept: what is kept is of the version it was found in."""
    know(caller.cell, "acme", "lifts", "old words")

    def interleaved(*asked: Any, **more: Any) -> Any:
        if when == "before":
            know(caller.cell, "acme", "lifts", "new words")
        found = search(*asked, **more)
        if when == "after":
            know(caller.cell, "acme", "lifts", "new words")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(retrieval, "search", interleaved)
        assert caller.find("words") == (["new words"] if when == "before" else ["old words"])
    assert caller.find("words") == ["new words"]
    assert [hit[0] for hit in caller.hits()] == (["retrieval"] if when == "before" else ["embedding"])


def test_every_search_sees_what_was_changed_before_it_began(caller: Caller) -> None:
    over, count = threading.Event(), 0
    know(caller.cell, "acme", "counter", "count 0")

    def change() -> None:
        nonlocal count
        while not over.is_set():
            know(caller.cell, "acme", "counter", f"count {count + 1}")
            count += 1

    def look(context: Context) -> None:
        agent = AgentConfiguration(model="rehearsal-1", retrieval=WORDS)
        for _ in range(60):
            least = count
            (found,) = retrieve(context, "0.tool.0", agent, "count")
            assert int(found.text.removeprefix("count ")) >= least

    changing = threading.Thread(target=change)
    changing.start()
    try:
        caller.run(look)
    finally:
        over.set()
        changing.join()
    assert count > 1


def test_words_alone_are_searched_without_a_model(caller: Caller, model: Rehearsal) -> None:
    know(caller.cell, "acme", "lifts", "The red lift goes to the roof.")
    know(caller.cell, "acme", "soup", "Lentils take an hour.")
    assert caller.find(strategy=WORDS) == caller.find(strategy=WORDS) == ["The red lift goes to the roof."]
    assert len(caller.find(strategy=Retrieval(by="meaning"))) == 2
    assert len(caller.find(strategy=Retrieval(by="meaning", passages=1))) == 1
    assert calls(model) == 1, "of the searches by meaning"


def test_a_knowledge_base_made_anew_is_not_answered_from_the_old_one(caller: Caller) -> None:
    know(caller.cell, "acme", "lifts", "old words")
    assert caller.find("words", WORDS) == ["old words"]
    rows(caller.cell, "acme", "DELETE FROM tenant.knowledge_bases RETURNING 1")
    know(caller.cell, "acme", "lifts", "new words")
    assert caller.find("words", WORDS) == ["new words"]


@pytest.mark.parametrize("kept", ["embedding", "retrieval"])
def test_a_run_that_begins_again_needs_no_cache_for_what_was_kept_before(
    caller: Caller, model: Rehearsal, kept: str
) -> None:
    """The run does not live to use what it had from the cache, and the next finds the cache empty."""
    know(caller.cell, "acme", "lifts", "The red lift goes to the roof.")
    caller.find()
    if kept == "embedding":
        know(caller.cell, "acme", "lifts", "The red lift goes to the roof garden.")
    found = []

    def twice(context: Context) -> Outcome:
        agent = AgentConfiguration(model="rehearsal-1")
        found.append(retrieve(context, "0.tool.0", agent, QUESTION))
        rows(caller.cell, "acme", "DELETE FROM tenant.cached RETURNING 1")
        return Snooze(0) if context.run.number == 1 else Done(Result())

    turn = caller.submit()
    caller.serve(twice)
    caller.serve(twice)
    assert job(caller.cell, "acme", turn)["state"] == "done"
    assert len(found[0]) == 1
    assert found[0] == found[1]
    assert [hit[0] for hit in caller.hits()] == [kept]
    assert calls(model) == 1

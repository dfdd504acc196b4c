"""What agents keep in mind of users: across conversations, and of each user for one agent of one tenant."""

import threading
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from shared.agents import memories
from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from shared.stores.postgres import one
from tests.support.tooling import Turns, call
from tests.support.turning import configure
from tests.support.waiting import eventually
from workers.run.context import Context
from workers.turns.tools.memory import CONTENT, recall_tool, remember_tool
from workers.turns.tools.toolbox import Toolbox


@pytest.fixture
def turns(cell: Cell) -> Turns:
    return Turns(cell)


def said(tool: str, **arguments: Any) -> dict[str, str]:
    return call(tool, orjson.dumps(arguments).decode())


def using(*calls: dict[str, str]) -> Any:
    """What the calls come to, one after the other."""

    def play(context: Context, payload: AgentTurn) -> list[Mapping[str, Any]]:
        toolbox = Toolbox([remember_tool(context), recall_tool(context)], ["remember", "recall"])
        return [toolbox.use(context, payload, number, [each])[0].outcome for number, each in enumerate(calls)]

    return play


REMEMBER = said("remember", name="diet", content="no nuts")
RECALL = call("recall")


def test_what_is_remembered_is_recalled_in_another_conversation(turns: Turns) -> None:
    turns.run(using(REMEMBER, said("remember", name="size", content="M")), userIdentifier="ann")
    ((latest, one, none),) = turns.run(
        using(RECALL, said("recall", name="diet"), said("recall", name="hair")),
        conversation="c-2",
        userIdentifier="ann",
    )
    assert latest == {"memories": [{"name": "size", "content": "M"}, {"name": "diet", "content": "no nuts"}]}
    assert one == {"memories": [{"name": "diet", "content": "no nuts"}]}
    assert none == {"memories": []}


def test_what_is_said_again_takes_the_old_ones_place_and_nothing_forgets_it(turns: Turns) -> None:
    again, forget = said("remember", name="diet", content="no milk"), said("remember", name="diet", content=" ")
    ((*_, changed, forgotten, after),) = turns.run(using(REMEMBER, again, RECALL, forget, RECALL), userIdentifier="ann")
    assert changed == {"memories": [{"name": "diet", "content": "no milk"}]}
    assert (forgotten, after) == ({"forgotten": "diet"}, {"memories": []})


def test_a_user_that_nobody_named_is_not_kept_in_mind(turns: Turns) -> None:
    (outcomes,) = turns.run(using(REMEMBER, RECALL))
    assert [outcome["refused"] for outcome in outcomes] == [True, True]


def test_nobody_reads_the_memories_of_others_whatever_they_say(cell: Cell, turns: Turns) -> None:
    """Another tenant, another agent and another user, each of them naming the one they are after."""
    turns.run(using(REMEMBER), userIdentifier="ann")
    asked = using(RECALL, said("recall", name="diet"), *(said("recall", **{word: "ann"}) for word in FOREIGN))
    globex = Turns(cell, "globex")
    configure(cell, "acme", agent="sales")
    for other, told in (
        (globex, {"userIdentifier": "ann"}),
        (turns, {"userIdentifier": "ann", "agent": "sales"}),
        (turns, {"userIdentifier": "bob"}),
    ):
        ((latest, named, *foreign),) = other.run(asked, **told)
        assert latest == named == {"memories": []}
        assert all(outcome["refused"] for outcome in foreign)
    with cell.database.transaction("globex") as connection:
        assert memories.latest(connection, "acme", "default", "ann", 10).read() == {}  # by row-level security alone


#: What a model may try to say.
FOREIGN = ("tenant", "user", "user_identifier", "agent")


def test_as_many_are_kept_as_there_is_room_for_and_the_old_may_change(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "MOST", 2)
    calls = [said("remember", name=name, content="x") for name in ("a", "b", "c", "b")]
    ((_, _, full, again),) = turns.run(using(*calls), userIdentifier="ann")
    assert "forget one first" in full["error"]
    assert again == {"remembered": "b"}
    ((other,),) = turns.run(using(calls[2]), userIdentifier="bob")
    assert other == {"remembered": "c"}


def test_two_turns_at_the_same_time_keep_no_more_than_there_is_room_for(
    cell: Cell, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds out when the first has committed."""
    monkeypatch.setattr(memories, "MOST", 1)
    kept: list[bool] = []

    def keep() -> None:
        with cell.database.transaction(turns.tenant) as connection:
            kept.append(memories.put(connection, turns.tenant, "default", "ann", "two", content="x"))

    def waits() -> bool:
        with cell.database.connection() as connection:
            found = one(connection, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(found["count"]) or bool(kept)

    second = threading.Thread(target=keep)
    with cell.database.transaction(turns.tenant) as connection:
        assert memories.put(connection, turns.tenant, "default", "ann", "one", content="x")
        second.start()
        eventually(waits, "the second waits")
    second.join()
    assert kept == [False]


def test_a_memory_is_bounded(turns: Turns) -> None:
    ((long, nameless),) = turns.run(
        using(said("remember", name="n", content="x" * (CONTENT + 1)), said("remember", name="", content="x")),
        userIdentifier="ann",
    )
    assert long["error"].endswith("… is too long")
    assert "$.name" in nameless["error"]


def test_a_run_that_lost_its_job_remembers_nothing(cell: Cell, turns: Turns) -> None:
    def play(context: Context, payload: AgentTurn) -> None:
        with cell.database.transaction("acme") as connection:
            connection.execute("UPDATE tenant.jobs SET fence = fence + 1")
        using(REMEMBER)(context, payload)

    (error,) = turns.run(play, userIdentifier="ann")
    assert type(error).__name__ == "Fenced"
    with cell.database.transaction("acme") as connection:
        assert memories.latest(connection, "acme", "default", "ann", 10).read() == {}

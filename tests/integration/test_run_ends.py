"""A run that cannot end as it should leaves nothing behind: no draw off the record, no slot that stays taken."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.cell import Cell
from shared.contracts.results import Result
from shared.errors import Unavailable
from shared.ledger import runs
from shared.stores.postgres import Connection
from tests.support.executing import Slot
from tests.support.spending import DRAWN_NANO, Provider
from tests.support.tooling import Turns
from tests.support.walking import job
from workers.outcomes import Done, Outcome
from workers.run import ending, execution
from workers.run.context import Context


def test_what_a_run_drew_before_it_lost_its_lease_is_on_record(cell: Cell) -> None:
    """Nobody else has the job yet, so what came of the call is kept for whoever runs it next."""

    def lost(context: Context, _: Any) -> None:
        context.paid("0.model", Provider().call(), later=True)
        turns.slot.heartbeat.drop(context.run.lease)

    turns = Turns(cell)
    turns.run(lost)
    (step,) = turns.journal()
    assert (step["state"], step["drawn_nano"], step["outcome"]) == ("answered", DRAWN_NANO, {"answer": "42"})


def test_a_run_that_did_not_hear_of_its_end_gives_its_slot_back_once_the_ledger_is_there(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, is_over, away = ending.write, runs.is_over, [True]

    def write(*told: Any) -> None:
        written(*told)
        raise Unavailable("the connection broke")

    def asked(*told: Any) -> bool:
        if away:
            away.clear()
            raise Unavailable("away")
        return is_over(*told)

    monkeypatch.setattr(execution, "AWAY", 0.04)
    monkeypatch.setattr(ending, "write", write)
    monkeypatch.setattr(runs, "is_over", asked)
    turns = Turns(cell)
    turns.run(lambda *_: None)
    assert job(cell, "acme", turns.job)["state"] == "done"
    assert [lane["running"] for lane in list(cell.gate.look()["lanes"])] == [0]


def wrong(_: Connection) -> None:
    raise KeyError("of the room's own")


def unstorable(connection: Connection) -> None:
    connection.execute("SELECT %s::text", ("half a pair: \ud800",))


def broken(_: Context) -> Outcome:
    raise ValueError("half a pair: \ud800")


@pytest.mark.parametrize(
    "come_to",
    [lambda _: Done(Result(), effects=wrong), lambda _: Done(Result(), effects=unstorable), broken],
    ids=["wrong effects", "unstorable effects", "unstorable words"],
)
def test_whatever_a_room_raises_fails_its_run_alone_and_what_it_drew_is_on_record(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, come_to: Callable[[Context], Outcome]
) -> None:
    def room(context: Context, _: Any) -> Outcome:
        context.paid("0.model", Provider().call(), later=True)
        return come_to(context)

    monkeypatch.setattr(execution, "AWAY", 0.04)
    turns = Turns(cell)
    turns.slot = Slot(cell, room, lane="turns.pro")
    turns.run(lambda *_: None)
    row = job(cell, "acme", turns.job)
    assert (row["state"], row["failures"], row["deaths"]) == ("waiting", 1, 0)
    (step,) = turns.journal()
    assert (step["state"], step["drawn_nano"], step["outcome"]) == ("answered", DRAWN_NANO, {"answer": "42"})

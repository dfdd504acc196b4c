"""A run that cannot end as it should leaves nothing behind: no draw off the record, no slot that stays taken."""

from typing import Any

import pytest

from shared.cell import Cell
from shared.errors import Unavailable
from shared.ledger import runs
from tests.support.spending import DRAWN_NANO, Provider
from tests.support.tooling import Turns
from tests.support.walking import job
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

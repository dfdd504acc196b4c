"""However a turn ends, its stream tells it: also where no worker had it, or the one that ended it told nobody."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from shared import failpoints
from shared.bus import connect
from shared.cell import Cell
from shared.contracts.events import TurnEvent, TurnFinished
from shared.embedded.ports import free_port
from shared.failpoints import Point
from shared.ledger.runs import Fenced
from shared.rehearsal.client import Rehearsal
from shared.streams.keys import stream_key
from tests.support.commands import done
from tests.support.listening import Turns, heard
from tests.support.turning import Slot, rows
from tests.support.waiting import eventually
from tests.support.walking import job
from workers.run import ending
from workers.upkeep.relay import Relay
from workers.upkeep.sweep import sweep


@pytest.fixture
def turns(speaking_cell: Cell, model: Rehearsal) -> Iterator[Turns]:
    made = Turns(speaking_cell, model)
    yield made
    made.reader.close()


def relay(cell: Cell) -> None:
    bus = connect(cell.bus_url)
    Relay(cell, bus).relay()
    bus.close()


def last(turns: Turns, asked: str) -> TurnEvent | None:
    return next(reversed(turns.told(asked)), None)


def test_a_turn_that_is_cancelled_before_any_worker_has_it_ends_on_its_stream(turns: Turns) -> None:
    asked, silent = turns.submit(), turns.submit(stream=False)
    for each in (asked, silent):
        done(turns.cell.settings, "jobs", "cancel", each)
    relay(turns.cell)
    (end,) = turns.told(asked)
    assert end.model_copy(update={"id": ""}) == TurnFinished(run=0, state="cancelled")
    assert turns.told(silent) == []
    relay(turns.cell)
    assert turns.told(asked) == [end], "it leaves once"


def test_an_end_that_no_stream_takes_does_not_stay_in_the_outbox(turns: Turns) -> None:
    asked = turns.submit()
    done(turns.cell.settings, "jobs", "cancel", asked)
    away = Cell(turns.cell.settings.model_copy(update={"stream_url": f"redis://127.0.0.1:{free_port()}/0"}))
    relay(away)
    away.close()
    relay(turns.cell)
    assert turns.told(asked) == []


def test_an_end_of_another_headgates_words_holds_up_nothing_behind_it(turns: Turns) -> None:
    """It is passed on as it is, and whoever reads passes over what they do not know."""
    first, second = turns.submit(), turns.submit()
    for each in (first, second):
        done(turns.cell.settings, "jobs", "cancel", each)
    foreign = 'UPDATE tenant.outbox SET body = body || \'{"state": "retired"}\' WHERE destination = %s RETURNING 1'
    rows(turns.cell, "acme", foreign, stream_key("acme", UUID(first)))
    relay(turns.cell)
    assert turns.told(first) == []
    assert isinstance(last(turns, second), TurnFinished)


def test_a_turn_that_can_never_be_answered_ends_on_its_stream(turns: Turns) -> None:
    asked = turns.submit()
    rows(turns.cell, "acme", "DELETE FROM tenant.agents RETURNING 1")
    Slot(turns.cell).serve()
    (end,) = turns.told(asked)
    assert isinstance(end, TurnFinished)
    assert (end.state, end.error) == ("discarded", job(turns.cell, "acme", asked)["error"])


class Died(BaseException):
    """A worker, in the midst of its work."""


def test_the_end_of_a_turn_whose_worker_died_before_it_told_it_is_told_by_the_next(turns: Turns) -> None:
    def strike(here: Point) -> None:
        if here == "after_finish":
            failpoints.listen(None)
            raise Died

    asked = turns.submit()
    failpoints.listen(strike)
    with pytest.raises(Died):
        Slot(turns.cell).serve()
    assert job(turns.cell, "acme", asked)["state"] == "done"
    assert not isinstance(last(turns, asked), TurnFinished)

    def told() -> bool:
        sweep(turns.cell, "sweeper")
        Slot(turns.cell).serve()
        return isinstance(last(turns, asked), TurnFinished)

    eventually(told, "its end is told")
    assert heard(turns.told(asked)).text == job(turns.cell, "acme", asked)["result"]["answer"]


def test_the_end_of_a_turn_is_told_though_its_worker_did_not_hear_of_the_commit(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit was made, and its answer lost; the next attempt finds the job over."""

    def unheard(*_: object) -> None:
        raise Fenced("as the next attempt is told")

    monkeypatch.setattr(ending, "_told", unheard)
    asked = turns.run()
    assert job(turns.cell, "acme", asked)["state"] == "done"
    end = last(turns, asked)
    assert isinstance(end, TurnFinished)
    assert (end.state, end.run) == ("done", 1)

"""The paid step, where its surroundings fail: an answer that was paid for is written as soon as the ledger is back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.cell import Cell
from shared.errors import Unavailable
from shared.ledger import journal, runs
from shared.metering.prices import Tokens
from shared.stores.postgres import Connection, Database
from tests.support.cells import make_tenant
from tests.support.spending import journaled, level, limited, running
from workers.calls import Call, CallFailed, Reply
from workers.interruption import Interrupted, Interruption
from workers.run import unwritten
from workers.run.reservations import Reservations
from workers.run.steps import Steps


class Outage(Database):
    """A database that is away for the next `left` transactions, once told so."""

    left = 0

    @contextmanager
    def transaction(self, tenant: str | None = None, *, pipelined: bool = False) -> Iterator[Connection]:
        if self.left:
            self.left -= 1
            raise Unavailable("away")
        with super().transaction(tenant, pipelined=pipelined) as connection:
            yield connection


@pytest.fixture
def database(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    monkeypatch.setattr(unwritten, "AWAY", 0.01)
    made = Outage(cell.settings.database_url or "")
    yield made
    made.close()


@pytest.fixture
def run(cell: Cell) -> runs.Run:
    return running(cell, "acme", make_tenant(cell, "acme").secret)


def steps_in(database: Database, cell: Cell, run: runs.Run, **parts: Any) -> Steps:
    return Steps(database, cell.prices, run, Reservations(cell.gate, cell.permits, run.lease), **parts)


def call(database: Outage, outage: int) -> Call:
    """A call whose answer comes when the ledger goes away."""

    def make(_: str) -> Reply:
        database.left = outage
        return Reply({"answer": "42"}, Tokens(10, 2))

    return Call("model", "rehearsal-1", {"question": 1}, Tokens(100, 100), make)


def test_an_answer_is_written_when_the_ledger_is_back(cell: Cell, database: Outage, run: runs.Run) -> None:
    charged: list[float] = []
    made = steps_in(database, cell, run, guard=lambda: None, charge=charged.append)
    assert made.paid("0.model", call(database, outage=3)) == {"answer": "42"}
    assert journal.answered(cell.database, run.lease)["0.model"].outcome == {"answer": "42"}
    assert charged == [14.0]


def test_an_answer_is_given_up_when_the_run_is_over(cell: Cell, database: Outage, run: runs.Run) -> None:
    class OverError(Exception):
        pass

    def guard() -> Any:
        if database.left:
            raise OverError

    made = steps_in(database, cell, run, guard=guard, charge=lambda _: None)
    with pytest.raises(OverError):
        made.paid("0.model", call(database, outage=1000))
    assert journal.answered(cell.database, run.lease) == {}


def ended(error: Exception, database: Outage | None = None) -> Call:
    """A call that ends with this error; where a database is given, when it has gone away for once."""

    def make(_: str) -> Reply:
        if database:
            database.left = 1
        raise error

    return Call("model", "rehearsal-1", {"question": 1}, Tokens(100, 100), make)


@pytest.mark.parametrize(("sent", "state", "held"), [(True, "unknown", 200), (False, "failed", 0)])
def test_a_call_that_was_ended_may_have_been_drawn_if_it_had_gone_out(
    cell: Cell, database: Outage, *, sent: bool, state: str, held: int
) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"tokens_hour": 10_000}))
    made = steps_in(database, cell, run, guard=lambda: None, charge=lambda _: None)
    with pytest.raises(Interrupted):
        made.paid("0.model", ended(Interrupted(Interruption.STOPPING, sent=sent)))
    (step,) = journaled(cell, "acme")
    assert (step["state"], step["error"], level(cell, "acme").held) == (state, "the worker stops", held)


def test_what_ended_a_call_is_said_though_the_ledger_is_away(cell: Cell, database: Outage, run: runs.Run) -> None:
    """Until it is known better the intent stays, and binds."""
    made = steps_in(database, cell, run, guard=lambda: None, charge=lambda _: None)
    with pytest.raises(CallFailed, match="refused"):
        made.paid("0.model", ended(CallFailed("refused", retry=False), database))
    (step,) = journaled(cell, "acme")
    assert step["state"] == "intent"

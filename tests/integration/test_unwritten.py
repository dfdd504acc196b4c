"""Outcomes that wait for the next commit of their run: one commit serves both, and nothing that was drawn is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from shared.cell import Cell
from shared.errors import Unavailable
from shared.ledger import journal, runs
from shared.ledger.journal import Step
from shared.ledger.runs import Fenced
from shared.stores.postgres import Connection
from tests.support.cells import make_tenant
from tests.support.spending import DRAWN, DRAWN_NANO, Provider, journaled, level, limited, running, steps_of
from tests.support.tooling import Turns
from tests.support.walking import job
from workers.calls import Call, Reply
from workers.interruption import Interrupted, Interruption
from workers.outcomes import nothing
from workers.run import unwritten
from workers.run.context import Context
from workers.run.steps import Steps
from workers.run.unwritten import StepOutcome


@pytest.fixture
def run(cell: Cell) -> runs.Run:
    return running(cell, "acme", make_tenant(cell, "acme").secret)


def states(cell: Cell) -> list[tuple[str, str]]:
    return [(step["place"], step["state"]) for step in journaled(cell, "acme")]


def asked(steps: Steps, place: str) -> None:
    steps.paid(place, Provider().call(), later=True)


def test_an_outcome_waits_for_the_next_intent_and_is_committed_with_it(cell: Cell, run: runs.Run) -> None:
    provider, steps = Provider(), steps_of(cell, run)
    asked(steps, "0.model")
    assert states(cell) == [("0.model", "intent")]
    provider.during = lambda: seen.extend(states(cell))
    seen: list[tuple[str, str]] = []
    steps.paid("1.model", provider.call(), later=True)
    assert seen == [("0.model", "answered"), ("1.model", "intent")]


def test_an_outcome_is_committed_before_a_step_that_may_be_slow(cell: Cell, run: runs.Run) -> None:
    steps = steps_of(cell, run)
    asked(steps, "0.model")
    seen = steps.once("0.tool.0", "tool", {}, lambda: {"seen": states(cell)}, later=False)
    assert seen == {"seen": [("0.model", "answered")]}


def test_a_draw_is_settled_when_its_outcome_is_committed(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"tokens_hour": 10_000}))
    steps = steps_of(cell, run)
    asked(steps, "0.model")
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (0, 1200)
    steps.unwritten.flush()
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (DRAWN.total, 0)


def test_nothing_is_settled_that_is_not_on_record(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("away")

    steps = steps_of(cell, running(cell, "acme", limited(cell, "acme", {"tokens_hour": 10_000})))
    asked(steps, "0.model")
    monkeypatch.setattr(journal, "answer", away)
    with pytest.raises(Unavailable):
        steps.unwritten.commit(nothing)
    assert (level(cell, "acme").drawn, level(cell, "acme").held) == (0, 1200)


def test_what_a_fenced_run_drew_is_on_record_and_what_came_of_it_is_not(cell: Cell, run: runs.Run) -> None:
    steps = steps_of(cell, run)
    asked(steps, "0.model")
    lease = run.lease
    newer = runs.start(cell.database, type(lease)(**(vars(lease) | {"token": lease.token + 1})))
    with pytest.raises(Fenced):
        steps.unwritten.flush()
    (step,) = journaled(cell, "acme")
    assert (step["state"], step["drawn_nano"], step["outcome"]) == ("answered", DRAWN_NANO, None)
    assert journal.answered(cell.database, newer.lease) == {}


def test_an_outcome_that_cannot_be_stored_takes_no_other_with_it(cell: Cell, run: runs.Run) -> None:
    steps = steps_of(cell, run)
    asked(steps, "0.model")

    def unstorable(_: str) -> Reply:
        return Reply({"answer": "a NUL: \x00"}, DRAWN)

    call = Provider().call()
    steps.paid("1.model", Call(call.kind, call.model, {}, call.worst, unstorable), later=True)
    with pytest.raises(Exception, match="u0000"):
        steps.unwritten.flush()
    kept = {step["place"]: (step["state"], step["drawn_nano"], step["outcome"]) for step in journaled(cell, "acme")}
    assert kept["0.model"] == ("answered", DRAWN_NANO, {"answer": "42"})
    assert kept["1.model"] == ("answered", DRAWN_NANO, None)


def test_an_outcome_known_without_a_call_draws_nothing(cell: Cell, run: runs.Run) -> None:
    steps, provider = steps_of(cell, run), Provider()
    assert steps.hit("0.model", provider.call(), {"answer": "42"}) == {"answer": "42"}
    steps.unwritten.flush()
    (step,) = journaled(cell, "acme")
    assert (step["state"], step["from_cache"], step["input_tokens"], step["worst_nano"]) == ("answered", True, 0, 0)
    assert (step["model"], step["outcome"], provider.served) == ("rehearsal-1", {"answer": "42"}, [])


def test_what_a_tenants_own_key_pays_for_costs_the_platform_nothing(cell: Cell) -> None:
    run = running(cell, "acme", limited(cell, "acme", {"usd_day": 1}))
    call = Provider().call()
    steps_of(cell, run).paid("0.model", Call(call.kind, call.model, {}, call.worst, call.make, billed_to="tenant"))
    (step,) = journaled(cell, "acme")
    assert (step["billed_to"], step["drawn_nano"], step["input_tokens"]) == ("tenant", 0, DRAWN.input)


def test_what_the_ledger_does_not_take_while_each_is_tried_alone_waits_on(
    cell: Cell, run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(cell, run)
    asked(steps, "0.model")
    steps.unwritten.add(StepOutcome(Step("x", "0.tool.0", 1, "tool", b""), {"answer": "a NUL: \x00"}))
    asked_of = iter([False, True])

    def fenced_transaction(*told: Any) -> Any:
        if next(asked_of, False):
            raise Unavailable("away")
        return runs.fenced_transaction(*told)

    monkeypatch.setattr(unwritten, "fenced_transaction", fenced_transaction)
    with pytest.raises(Unavailable):
        steps.unwritten.commit(nothing)
    with pytest.raises(psycopg.Error):
        steps.unwritten.flush()
    (step,) = journaled(cell, "acme")
    assert (step["state"], step["outcome"]) == ("answered", {"answer": "42"})


def test_an_outcome_whose_commit_was_not_heard_of_is_written_once(
    cell: Cell, run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unwritten, "AWAY", 0.01)
    unheard = [True]

    @contextmanager
    def fenced_transaction(*told: Any) -> Iterator[Connection]:
        with runs.fenced_transaction(*told) as connection:
            yield connection
        if unheard:
            unheard.clear()
            raise Unavailable("the connection broke")

    monkeypatch.setattr(unwritten, "fenced_transaction", fenced_transaction)
    steps = steps_of(cell, run)
    assert steps.once("0.tool.0", "tool", {}, lambda: {"acted": 1}, later=False) == {"acted": 1}
    assert states(cell) == [("0.tool.0", "answered")]


def test_what_has_acted_is_on_record_though_the_run_may_not_go_on(cell: Cell, run: runs.Run) -> None:
    def stopping() -> None:
        raise Interrupted(Interruption.STOPPING)

    steps = steps_of(cell, run, guard=stopping)
    steps.acted("0.tool.0", "tool", {}, {"acted": 1}, later=False)
    assert states(cell) == [("0.tool.0", "answered")]


def test_a_run_that_was_stopped_is_handed_back_with_its_outcomes_when_the_ledger_is_there(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, away = Turns(cell), [True]

    def fenced_transaction(*told: Any) -> Any:
        if away:
            away.clear()
            raise Unavailable("away")
        return runs.fenced_transaction(*told)

    def stopped(context: Context, _: Any) -> None:
        context.once("0.tool.0", "tool", {}, lambda: {"acted": 1}, later=True)
        monkeypatch.setattr(unwritten, "fenced_transaction", fenced_transaction)
        turns.slot.handing_back.set()
        context.check()

    turns.run(stopped)
    assert [(step["place"], step["outcome"]) for step in turns.journal()] == [("0.tool.0", {"acted": 1})]
    assert (job(cell, "acme", turns.job)["state"], job(cell, "acme", turns.job)["failures"]) == ("waiting", 0)

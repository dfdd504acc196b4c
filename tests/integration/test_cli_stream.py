"""`headgate submit turn --stream`: the answer as it comes, once, whatever the turn goes through."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from producers.cli.streaming import AGAIN, Printed
from shared.cell import Cell
from shared.contracts.events import Delta, EventsMissed, ToolCalled, TurnEvent, TurnFinished, TurnStarted
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.commands import done, headgate, refused
from tests.support.turning import Slot, configure, rows, says, wants
from tests.support.waiting import eventually

ANSWER = "Barley grows below the mill, and flax beside the loom."

ASK = ("submit", "turn", "--tenant", "acme", "What grows?")


def test_an_answer_is_printed_as_it_comes_and_once(speaking_cell: Cell, model: Rehearsal) -> None:
    cell = speaking_cell
    make_tenant(cell, "acme")
    configure(cell, "acme", tools=["recall"])
    model.settings(script=[wants(("recall", {})), says(ANSWER)])

    def serve() -> None:
        eventually(lambda: rows(cell, "acme", "SELECT FROM tenant.jobs WHERE offered_at IS NOT NULL"), "a job waits")
        Slot(cell).serve()

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        said = done(cell.settings, *ASK, "--stream")
        serving.result()
    assert (said.out, said.err) == (f"{ANSWER}\n", "[recall]\n")


def test_a_turn_that_nobody_runs_is_waited_for_no_longer_than_told(cell: Cell) -> None:
    make_tenant(cell, "acme")
    assert "is not over after" in refused(cell.settings, *ASK, "--stream", "--patience", "0.2")


def test_words_and_a_document_are_not_printed_together(cell: Cell) -> None:
    said = headgate(cell.settings, *ASK, "--stream", "--json")
    assert (said.code, said.out) == (2, "")


def test_what_starts_over_is_printed_anew_and_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    printed, step = Printed(), "0.model"
    told: list[TurnEvent] = [
        Delta(run=1, step=step, text="He"),
        Delta(run=1, step=step, text="llo\x1b[2J"),
        TurnStarted(run=2, step=step),
        Delta(run=2, step=step, text="Hel"),
        Delta(run=1, step=step, text=" late"),
        ToolCalled(run=2, step="0.tool.0", name="look\x1b"),
        TurnFinished(run=2, state="done", result={"answer": "Hello!"}),
    ]
    for event in told:
        printed.take(event)
    assert printed.end() == "Hello!"
    out, err = capsys.readouterr()
    assert (out, err) == ("Hello\ufffd[2J\nHello!\n", f"{AGAIN}\n[look\ufffd]\n")


def test_what_only_goes_on_is_not_said_to_start_over(capsys: pytest.CaptureFixture[str]) -> None:
    printed = Printed()
    told: list[TurnEvent] = [
        TurnStarted(run=1, step="0.model"),
        Delta(run=1, step="0.model", text="Let me look."),
        ToolCalled(run=1, step="0.tool.0", name="look"),
        TurnStarted(run=2, step="1.model"),
        Delta(run=2, step="1.model", text="Barley"),
        TurnStarted(run=2, step="1.model"),
        Delta(run=2, step="1.model", text="Barley grows."),
    ]
    for event in told:
        printed.take(event)
    assert printed.end() == "Barley grows."
    out, err = capsys.readouterr()
    assert (out, err) == ("Let me look.\nBarley grows.\n", "[look]\n")


def test_words_behind_some_that_were_missed_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printed = Printed()
    told: list[TurnEvent] = [
        TurnStarted(run=1, step="0.model"),
        Delta(run=1, step="0.model", text="Barley grows"),
        EventsMissed(),
        Delta(run=1, step="0.model", text=" beside the loom."),
        TurnFinished(run=1, state="done", result={"answer": "Barley grows, and flax beside the loom."}),
    ]
    for event in told:
        printed.take(event)
    assert printed.end() == "Barley grows, and flax beside the loom."
    assert capsys.readouterr().out == "Barley grows, and flax beside the loom.\n"

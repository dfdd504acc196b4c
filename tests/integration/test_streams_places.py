"""Reading a stream from any place: what is gone is said to be gone, and no text is shown torn or doubled."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import ids
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.contracts.events import Delta, EventsMissed, TurnEvent, TurnFinished, TurnStarted
from shared.ledger.runs import Run
from shared.streams import writer
from shared.streams.heard import Heard
from shared.streams.keys import stream_key
from shared.streams.listening import Listening
from shared.streams.reader import BEGINNING, Reader, StreamRefused
from tests.support.listening import heard, streams
from workers.run.events import Events, Telling

STEP = "0.model"


@pytest.fixture
def reader(cell: Cell) -> Iterator[Reader]:
    made = Reader(cell.stream_url)
    yield made
    made.close()


def of_run(cell: Cell, job: UUID, number: int) -> Events:
    run = cast("Run", SimpleNamespace(principal="acme", job=job, number=number))
    return Events(run, cell.streams)


def tell(cell: Cell, job: UUID, *events: dict[str, Any]) -> None:
    cell.streams.append(stream_key("acme", job), [orjson.dumps({"run": 1, "step": STEP} | event) for event in events])


def words(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "delta", "text": text} for text in texts]


def begun(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "turn.started"}, *words(*texts)]


@pytest.mark.parametrize("place", ["gone", "to come", "never there"])
def test_who_reads_on_from_a_place_that_is_not_there_is_told_so_and_hears_all_that_is(
    cell: Cell, reader: Reader, place: str
) -> None:
    job = ids.new()
    key = stream_key("acme", job)
    tell(cell, job, *begun("He", "llo"))
    before = reader.read(key, BEGINNING, 0)[0]
    if place == "gone":
        streams(cell).xdel(key, before[1].id)
    after = {"gone": before[1].id, "to come": f"{2**63}-0", "never there": "5-5"}[place]
    missed, *told = reader.read(key, after, 0.01)[0]
    assert isinstance(missed, EventsMissed)
    assert [event.type for event in told] == ["turn.started", *["delta"] * (1 if place == "gone" else 2)]
    assert reader.read(key, missed.id, 0)[0] == told, "and from there it is read on as ever"


def test_who_comes_late_to_a_stream_that_has_lost_its_beginning_is_told_so(
    cell: Cell, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ENTRIES", 2)
    job = ids.new()
    tell(cell, job, *begun("He", "llo", " there"))
    events = reader.read(stream_key("acme", job), BEGINNING, 0)[0]
    assert [event.type for event in events] == ["events.missed", "delta", "delta"]
    assert heard(events).text == "", "the rest alone is no answer"
    tell(cell, job, {"type": "delta", "step": "1.model", "text": "Hello!"})
    assert heard(reader.read(stream_key("acme", job), BEGINNING, 0)[0]).text == "Hello!"


@pytest.mark.parametrize("after", ["", "$", "+", ">", "1-1-1", "-1", "1-", "٣-0", f"{2**64}-0", "0-" + "9" * 5000])
def test_a_place_that_is_none_is_refused(cell: Cell, reader: Reader, after: str) -> None:
    tell(cell, job := ids.new(), *begun())
    with pytest.raises(StreamRefused, match="give the id of an event"):
        reader.read(stream_key("acme", job), after, 0)


def test_ten_thousand_words_are_read_by_a_slow_reader_without_a_torn_one(cell: Cell, reader: Reader) -> None:
    """It begins when the first of them have fallen off; what it shows is whole steps or nothing, and in the end all."""
    job, key = ids.new(), ""
    key = stream_key("acme", job)
    telling = Telling(of_run(cell, job, 1), STEP)
    for number in range(10_000):
        telling(f"{number} ")
    assert streams(cell).xlen(key) == writer.ENTRIES
    shown, after = Heard(), BEGINNING
    while (told := reader.read(key, after, 0))[0]:
        events, after = told
        for event in events:
            shown.take(event)
    assert shown.text == ""
    of_run(cell, job, 1).emit("turn.finished", {"state": "done", "result": {"answer": "all of it"}})
    end = list(Listening(reader, key, lambda _: None, after=after).events(5.0))
    assert heard(end).text == "all of it"


WORDS = st.lists(st.text(min_size=1, max_size=4), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(WORDS, min_size=1, max_size=3), data=st.data(), entries=st.integers(2, 8))
def test_what_is_shown_is_the_beginning_of_an_answer_or_nothing_whatever_falls_off(
    cell: Cell, reader: Reader, runs: list[list[str]], data: st.DataObject, entries: int
) -> None:
    """Runs die in the midst of a step, the stream forgets, the reader sleeps; the last run's words come whole."""
    job, shown, after = ids.new(), Heard(), BEGINNING
    key, told = stream_key("acme", job), {""}
    with patch.object(writer, "ENTRIES", entries):
        for number, texts in enumerate(runs, 1):
            telling, said = Telling(of_run(cell, job, number), STEP), ""
            telling.begin()
            for text in texts:
                telling(text)
                said += text.replace("\x00", "")
                told.add(said)
                if data.draw(st.booleans()):
                    events, after = reader.read(key, after, 0)
                    for event in events:
                        shown.take(event)
                    assert shown.text in told
        of_run(cell, job, len(runs)).emit("turn.finished", {"state": "done", "result": {"answer": said}})
        for event in Listening(reader, key, lambda _: None, after=after).events(5.0):
            shown.take(event)
    assert shown.text == said


def test_an_end_counts_no_more_once_a_newer_run_has_told_something(cell: Cell, reader: Reader) -> None:
    """An operator let a job run again that was dead."""
    job, key = ids.new(), ""
    key = stream_key("acme", job)
    tell(cell, job, *begun("He"), {"type": "turn.finished", "state": "dead", "error": "no luck"})
    events = list(Listening(reader, key, lambda _: None).events(1.0))
    assert (heard(events).text, events[-1].type) == ("He", "turn.finished")
    tell(cell, job, {"type": "turn.started", "run": 2}, {"type": "delta", "run": 2, "text": "Hello"})
    again: list[TurnEvent] = list(Listening(reader, key, lambda _: None).events(0.2))
    assert not any(isinstance(event, TurnFinished) for event in again)
    assert heard([*events, *again]).finished is None
    of_run(cell, job, 2).emit("turn.finished", {"state": "done", "result": {"answer": "Hello!"}})
    assert heard([*events, *Listening(reader, key, lambda _: None).events(1.0)]).text == "Hello!"


def test_a_result_that_is_too_long_for_the_stream_is_heard_from_where_else_it_is_told(
    cell: Cell, reader: Reader
) -> None:
    job, answer = ids.new(), "x" * writer.ENTRY_BYTES
    of_run(cell, job, 1).emit("turn.finished", {"state": "done", "result": {"answer": answer}})
    waits = iter([None, FinishedData(job=job, state="done", result={"answer": answer})])
    (end,) = Listening(reader, stream_key("acme", job), lambda _: next(waits)).events(5.0)
    assert heard([end]).text == answer
    (bare,) = Listening(reader, stream_key("acme", job), lambda _: None).events(0.1)
    assert (bare.type, bare.result) == ("turn.finished", None)  # type: ignore[union-attr]


def test_a_torn_step_is_heard_again_from_its_next_beginning() -> None:
    torn: list[TurnEvent] = [
        Delta(run=1, step=STEP, text="He"),
        EventsMissed(id=BEGINNING),
        Delta(run=1, step=STEP, text=" there"),
    ]
    assert heard(torn).text == ""
    assert heard([*torn, TurnStarted(run=2, step=STEP), Delta(run=2, step=STEP, text="Hi")]).text == "Hi"

"""The rule by which a listener never shows doubled text, against tellers that die, err and start over."""

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.contracts.events import (
    TURN_EVENT,
    Delta,
    ToolCalled,
    ToolFinished,
    TurnEvent,
    TurnFinished,
    TurnStarted,
)
from shared.ledger.runs import Run
from shared.streams.heard import Heard, HeardStep
from shared.streams.writer import Streams
from shared.texts import storable
from workers.run.events import PIECE, Events, Telling

#: What becomes of an append: taken; not taken; taken, but the teller does not hear that.
TAKEN, LOST, UNHEARD = "taken", "lost", "unheard"


def heard(*events: TurnEvent) -> Heard:
    made = Heard()
    for event in events:
        made.take(event)
    return made


def delta(text: str, *, run: int = 1, step: str = "0.model") -> Delta:
    return Delta(run=run, step=step, text=text)


def test_what_was_told_of_a_step_and_of_later_ones_is_void_where_a_run_starts_over() -> None:
    told = heard(
        delta("I look."),
        ToolCalled(run=1, step="0.tool.0", name="search"),
        delta("The ans", step="1.model"),
        TurnStarted(run=2, step="0.tool.0"),
    )
    assert (list(told.steps), told.text) == (["0.model", "0.tool.0"], "I look.")
    assert told.steps["0.tool.0"] == HeardStep(2)
    told.take(ToolFinished(run=2, step="0.tool.0", name="search", error="away"))
    told.take(delta("The answer", run=2, step="1.model"))
    assert (list(told.steps), told.text) == (["0.model", "0.tool.0", "1.model"], "The answer")
    assert told.steps["0.tool.0"] == HeardStep(2, tool="search", error="away", over=True)


def test_a_run_that_begins_with_an_earlier_step_than_any_that_told_something_leaves_none_of_them() -> None:
    began = TurnStarted(run=1, step="assembly"), delta("It is"), TurnStarted(run=2, step="assembly")
    assert heard(*began).text == ""


def test_what_an_older_run_still_tells_is_void() -> None:
    told = heard(delta("old"), TurnStarted(run=2, step="0.model"), delta("new", run=2))
    assert not told.take(delta(" late", run=1))
    assert not told.take(TurnStarted(run=1, step="0.model"))
    assert told.text == "new"


def test_of_a_step_only_what_the_newest_run_told_counts_though_nobody_said_that_it_starts_over() -> None:
    told = heard(delta("old", step="1.model"), TurnStarted(run=2, step="2.model"), delta("new", run=2, step="1.model"))
    assert told.text == "new"


def test_the_answer_at_the_end_is_the_results() -> None:
    told = heard(delta("hello"), TurnFinished(run=1, state="done", result={"answer": "Hello!"}))
    assert told.text == "Hello!"
    assert heard(delta("hello"), TurnFinished(run=1, state="dead", error="no luck")).text == "hello"


class Flaky(Streams):
    """Takes appends as it was told to, then all of them."""

    def __init__(self, fates: list[str]) -> None:
        self._fates, self.events = fates, list[TurnEvent]()

    def append(self, key: str, events: Any, *, lifetime: int = 0) -> bool:  # noqa: ARG002 - as the real ones
        fate = self._fates.pop(0) if self._fates else TAKEN
        if fate != LOST:
            self.events += [TURN_EVENT.validate_json(event) for event in events]
        return fate == TAKEN


FATES = st.lists(st.sampled_from([TAKEN, TAKEN, LOST, UNHEARD]), max_size=12)


@given(
    runs=st.lists(st.tuples(st.lists(st.text(max_size=5), max_size=6), FATES), min_size=1, max_size=3),
    answered=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6),
)
def test_text_is_neither_doubled_nor_short_whatever_is_lost_on_the_way(
    runs: list[tuple[list[str], list[str]]], answered: list[str]
) -> None:
    """Runs that break off in the midst of a step, with a stream that fails; then one that answers, and is heard."""
    job, told = ids.new(), list[TurnEvent]()
    for number, (words, fates) in enumerate([*runs, (answered, [])], 1):
        streams = Flaky(list(fates))
        run = cast("Run", SimpleNamespace(principal="acme", job=job, number=number))
        telling = Telling(Events(run, streams), "0.model")
        telling.begin()
        for word in words:
            telling(word)
        told += streams.events
    assert heard(*told).text == "".join(answered).replace("\x00", "")


@given(st.text(min_size=1, max_size=3), FATES)
def test_words_after_a_gap_come_with_those_that_were_lost(word: str, fates: list[str]) -> None:
    streams = Flaky([*fates])
    run = cast("Run", SimpleNamespace(principal="acme", job=ids.new(), number=1))
    telling = Telling(Events(run, streams), "0.model")
    telling.begin()
    for _ in range(len(fates) + 1):
        telling(word)
    assert heard(*streams.events).text == word.replace("\x00", "") * (len(fates) + 1)


def test_of_a_call_that_came_to_nothing_no_word_is_left_though_the_next_answers_without_words() -> None:
    """The next call of the same run, and the first of the next run."""
    streams, job = Flaky([]), ids.new()
    for number in (1, 2):
        run = cast("Run", SimpleNamespace(principal="acme", job=job, number=number))
        telling = Telling(Events(run, streams), "0.model")
        telling.begin()
        assert heard(*streams.events).text == ""
        telling("I")
        telling.begin()
        assert heard(*streams.events).text == ""
        telling("It")
        assert heard(*streams.events).text == "It"


def test_a_character_that_comes_in_halves_is_told_as_it_is_kept() -> None:
    streams = Flaky([])
    run = cast("Run", SimpleNamespace(principal="acme", job=ids.new(), number=1))
    telling, said = (
        Telling(Events(run, streams), "0.model"),
        ["sun \ud83c", "\udf1e\ud83c", "\udf1e", "\udc00", " and moon"],
    )
    for words in said:
        telling(words)
    assert heard(*streams.events).text == storable("".join(said)) == "sun \N{SUN WITH FACE}\N{SUN WITH FACE}? and moon"


def test_a_long_text_is_told_in_pieces() -> None:
    streams = Flaky([])
    run = cast("Run", SimpleNamespace(principal="acme", job=ids.new(), number=1))
    Telling(Events(run, streams), "0.model")("x" * (PIECE + 1))
    assert [len(event.text) for event in streams.events if isinstance(event, Delta)] == [PIECE, 1]

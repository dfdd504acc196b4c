"""What a turn tells while it runs: in order, and once, whoever dies or errs meanwhile."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.contracts.events import Delta, ToolCalled, ToolFinished, TurnEvent, TurnFinished, TurnStarted
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from shared.streams.heard import Heard
from shared.streams.keys import stream_key
from shared.streams.reader import BEGINNING, Reader, StreamRefused
from tests.support import cells
from tests.support.dying import NEVER, slot
from tests.support.listening import ANSWER, TURN, Turns, heard, streams
from tests.support.tooling import installed
from tests.support.turning import MODEL, Slot, configure, says, steps_of
from tests.support.walking import job
from tests.support.workers import eventually
from workers.turns import hooks
from workers.upkeep.sweep import sweep


@pytest.fixture
def turns(speaking_cell: Cell, model: Rehearsal) -> Iterator[Turns]:
    made = Turns(speaking_cell, model)
    yield made
    made.reader.close()


def test_a_turn_tells_its_words_and_its_tools_in_order(turns: Turns) -> None:
    events = turns.told(turns.run())
    (end,) = (event for event in events if isinstance(event, TurnFinished))
    told = [event for event in events if not isinstance(event, Delta | TurnFinished)]
    bare = [event.model_copy(update={"id": ""}) for event in told]
    assert bare == [
        TurnStarted(run=1, step="0.model"),
        ToolCalled(run=1, step="0.tool.0", name="remember"),
        ToolFinished(run=1, step="0.tool.0", name="remember"),
    ]
    assert heard(events[:-1]).text == ANSWER
    assert {event.step for event in events if isinstance(event, Delta)} == {"1.model"}
    assert (events[-1], end.state, (end.result or {})["answer"]) == (end, "done", ANSWER)


def test_a_turn_that_nobody_listens_to_leaves_no_stream(turns: Turns) -> None:
    turns.run(stream=False)
    assert list(streams(turns.cell).scan_iter("*stream*")) == []


#: A hook that lets no answer out as it is.
REDACTS = """
class Redacts:
    def after_answer(self, turn, answer):
        return answer.replace(answer.split()[0], "[redacted]")

redacts = Redacts()
"""


def test_no_word_is_told_that_a_hook_does_not_let_out(turns: Turns, tmp_path: Path) -> None:
    with installed(tmp_path, {hooks.GROUP: {"redacts": "redacts"}}, REDACTS):
        events = turns.told(turns.run())
    words = "".join(event.text for event in events if isinstance(event, Delta))
    assert words.startswith("[redacted]")
    assert ANSWER.split()[0] not in words
    assert heard(events).text == words


def test_a_turn_that_a_rule_ends_tells_its_end(turns: Turns) -> None:
    configure(turns.cell, "acme", escalation_keywords=["human"], tools=[])
    events = turns.told(turns.run(message="A human, please."))
    assert [event.type for event in events] == ["turn.finished"]


def test_a_turn_whose_worker_is_killed_in_the_midst_starts_that_step_over(
    turns: Turns, model: Rehearsal, tmp_path: Path
) -> None:
    """The model was asked for the tool, and the tool has run; words of the answer are out when the worker dies."""
    model.settings(script=TURN, seconds_per_token=0.1)
    asked = turns.submit()
    dying = slot(turns.cell, "turns.pro", tmp_path / "told", dies_at=NEVER)
    eventually(lambda: heard(turns.told(asked)).text, "the first words of the answer")
    dying.kill()
    before = turns.told(asked)
    model.settings(script=TURN, seconds_per_token=0)
    eventually(lambda: _run_again(turns, asked), "the turn is done")
    events = turns.told(asked)
    assert heard(before).text == ANSWER[: len(heard(before).text)] != ANSWER
    after = events[len(before) :]
    assert after[0].model_copy(update={"id": ""}) == TurnStarted(run=2, step="1.model")
    assert heard(events[:-1]).text == ANSWER
    assert {event.run for event in after} == {2}
    assert not any(isinstance(event, ToolCalled | ToolFinished) for event in after)


def test_a_model_that_takes_over_in_the_midst_of_an_answer_starts_its_step_over(
    servers: Servers, model: Rehearsal, tmp_path: Path
) -> None:
    backup = {"base_url": model.url, "api_key": "sk-backup", "models": {MODEL: {}}}
    with cells.test_cell(servers, tmp_path, OPENAI_BASE_URL=model.url, providers={"backup": backup}) as cell:
        turns = Turns(cell, model)
        configure(cell, "acme", tools=[], fallbacks=[{"provider": "backup", "model": MODEL}])
        model.settings(script=[says(ANSWER)], faults=[{"fault": "cut"}])
        asked = turns.run()
        events = turns.told(asked)
        assert _starts(events) == [(1, "0.model"), (1, "0.model")]
        assert heard(events[:-1]).text == ANSWER
        assert _states(turns, asked) == ["unknown", "answered"]


def test_an_answer_that_was_cut_is_unknown_on_record_and_told_anew_by_the_next_run(
    turns: Turns, model: Rehearsal
) -> None:
    configure(turns.cell, "acme", tools=[])
    model.settings(script=[says(ANSWER)], faults=[{"fault": "cut"}])
    asked = turns.run()
    assert ANSWER.startswith(heard(turns.told(asked)).text)
    eventually(lambda: _run_again(turns, asked), "the turn is done")
    events = turns.told(asked)
    assert _starts(events) == [(1, "0.model"), (2, "0.model")]
    assert heard(events[:-1]).text == ANSWER
    assert _states(turns, asked) == ["unknown", "answered"]


def test_whoever_answers_in_the_end_no_word_of_those_before_is_left(
    servers: Servers, model: Rehearsal, tmp_path: Path
) -> None:
    """Both models break off in the midst of one answer; the next run is given another one."""
    backup = {"base_url": model.url, "api_key": "sk-backup", "models": {MODEL: {}}}
    with cells.test_cell(servers, tmp_path, OPENAI_BASE_URL=model.url, providers={"backup": backup}) as cell:
        turns, other = Turns(cell, model), "Rye \N{EAR OF RICE}, and nothing but rye: \N{FAMILY}."
        configure(cell, "acme", tools=[], fallbacks=[{"provider": "backup", "model": MODEL}])
        model.settings(script=[says(ANSWER)], faults=[{"fault": "cut"}, {"fault": "cut"}])
        asked = turns.run()
        assert heard(turns.told(asked)).text
        model.settings(script=[says(other)], faults=[{"fault": "cut"}])
        eventually(lambda: _run_again(turns, asked), "the turn is done")
        events, shown = turns.told(asked), Heard()
        for event in events[:-1]:
            shown.take(event)
            assert ANSWER.startswith(shown.text) or other.startswith(shown.text)
        assert shown.text == other == job(cell, "acme", asked)["result"]["answer"]
        assert _states(turns, asked) == ["unknown"] * 3 + ["answered"]


def _starts(events: Sequence[TurnEvent]) -> Sequence[tuple[int, str]]:
    return [(event.run, event.step) for event in events if isinstance(event, TurnStarted)]


def _states(turns: Turns, asked: str) -> Sequence[str]:
    """Of its calls of a model, in order."""
    return [step["state"] for step in steps_of(turns.cell, "acme", asked) if step["model"]]


def _run_again(turns: Turns, asked: str) -> bool:
    sweep(turns.cell, "sweeper")
    Slot(turns.cell).serve()
    return bool(job(turns.cell, "acme", asked)["state"] == "done")


def test_listeners_read_a_stream_each_at_its_own_pace_and_from_any_place(turns: Turns) -> None:
    asked = turns.run()
    events, other = turns.told(asked), Reader(turns.cell.stream_url)
    one_by_one, after = list[TurnEvent](), BEGINNING
    key = stream_key("acme", UUID(asked))
    for _ in events:
        (first, *_), _ = other.read(key, after, 0)
        one_by_one, after = [*one_by_one, first], first.id
    assert one_by_one == events == turns.told(asked)
    assert turns.told(asked, after=events[2].id) == events[3:]
    assert turns.told(asked, after=events[-1].id) == []
    other.close()


def test_a_stream_is_not_read_from_a_place_that_is_none(turns: Turns) -> None:
    with pytest.raises(StreamRefused, match="'yesterday'"):
        turns.told(turns.run(), after="yesterday")

"""What was said before, fitted into a model's window: what a summary may cost, and that every run cuts alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared import ids
from shared.agents import conversations
from shared.agents.conversations import Added
from shared.agents.messages import Message
from shared.cell import Cell
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.turning import Slot, configure, rows, says
from tests.support.waiting import eventually
from tests.support.walking import job, submit
from workers.run.context import Context
from workers.turns import history
from workers.turns.scene import Scene


class Talk:
    """A tenant's user, one conversation and a slot."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.key, self.slot = cell, make_tenant(cell, "acme").secret, Slot(cell)

    def say(self, message: str) -> dict[str, Any]:
        asked = submit(self.cell, "agent.turn", {"conversation": "c-1", "message": message}, self.key)
        self.slot.serve()
        return job(self.cell, "acme", asked)

    def run_until(self, ran: Callable[[], bool], message: str) -> dict[str, Any]:
        """The row of a job that is run again where it fails."""
        asked = submit(self.cell, "agent.turn", {"conversation": "c-1", "message": message}, self.key)

        def served() -> bool:
            self.cell.gate.sweep("w")
            self.slot.serve()
            return ran()

        eventually(served, "the turn has run again")
        return job(self.cell, "acme", asked)

    def summaries(self) -> int:
        query = "SELECT call_id FROM tenant.steps WHERE place LIKE 'history.summary.%%'"
        return len(rows(self.cell, "acme", query))


@pytest.fixture
def talk(speaking_cell: Cell) -> Talk:
    return Talk(speaking_cell)


def test_a_request_that_leaves_history_no_room_takes_one_summary_and_not_one_for_each_word(
    talk: Talk, model: Rehearsal
) -> None:
    """The window of a model of which nothing is said is smaller than this answer may be."""
    configure(talk.cell, "acme", tools=(), max_tokens=131_072)
    model.settings(script=[says("It is 42.")])
    talk.say("What is it?")
    assert talk.say("And now?")["state"] == "done"
    assert talk.summaries() == 1


def test_where_a_summary_comes_out_empty_the_words_stand_and_it_is_paid_once(talk: Talk, model: Rehearsal) -> None:
    configure(talk.cell, "acme", tools=(), history_tokens=256)
    model.settings(script=[says("ok")])
    talk.say("long " * 200 + "and red")
    model.settings(script=[says(" ", match="long"), says("fine")], keep_requests=True)
    assert talk.say("Next?")["state"] == "done"
    assert talk.say("And then?")["state"] == "done"
    (stands,) = rows(talk.cell, "acme", "SELECT summary, summarised_to FROM tenant.conversations")
    assert stands["summary"].endswith("long and red\nassistant: ok")
    assert len(stands["summary"].encode()) <= history.SUMMARY_TOKENS * history.BYTES
    assert stands["summarised_to"] > 0
    assert talk.summaries() == 1
    *_, last = model.requests()
    assert "and red" in last, "the model is told in other words what it is not shown any more"


def test_what_is_cut_short_keeps_what_was_in_short_before_and_stays_a_page() -> None:
    most, summary = history.SUMMARY_TOKENS * history.BYTES, ""
    for number in range(9):
        summary = history._cut_short(summary, f"{number}価" + "値" * 2000 + f"end{number}")
        assert len(summary.encode()) <= most + 1
        assert summary.endswith(f"end{number}")
    assert history._cut_short("IN SHORT: " + "a" * 9000, "b" * 9000).startswith("IN SHORT: ")


def test_a_run_that_comes_later_cuts_where_the_first_did(
    talk: Talk, model: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its two runs the turn's room has shrunk: what its summary does not tell must not be left out for it."""
    configure(talk.cell, "acme", tools=(), history_tokens=512)
    model.settings(script=[says("ok")])
    for number in range(4):
        talk.say(f"Part {number}: " + "long " * 60)
    model.settings(script=[says("IN SHORT")])
    real, cuts = history.fitted, list[int | None]()

    def shrinking(*told: Any, room: int, window: int) -> history.Fitted:
        fitted = real(*told, room=room if not cuts else 0, window=window)
        cuts.append(fitted.summarised_to)
        if len(cuts) == 1:
            raise RuntimeError("the run fails")
        return fitted

    monkeypatch.setattr(history, "fitted", shrinking)
    row = talk.run_until(lambda: len(cuts) == 2, "Next?")
    assert row["state"] == "done"
    assert cuts[0] == cuts[1]
    assert talk.summaries() == 1


def test_a_run_that_comes_later_sees_nothing_that_was_said_since_the_first_began(
    talk: Talk, model: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever orders turns by a key of its own may have another turn of the conversation end in between."""
    configure(talk.cell, "acme", tools=())
    model.settings(script=[says("ok")])
    talk.say("First.")
    real, seen = history.fitted, list[list[str]]()

    def interrupted(context: Context, scene: Scene, **told: int) -> history.Fitted:
        seen.append([message.content for message in scene.history])
        if len(seen) == 1:
            between = replace(scene.identity, job=ids.new())
            with talk.cell.database.transaction("acme") as connection:
                conversations.add(connection, between, Added([Message("user", "In between.")]))
            raise RuntimeError("the run fails")
        return real(context, scene, **told)

    monkeypatch.setattr(history, "fitted", interrupted)
    talk.run_until(lambda: len(seen) == 2, "Next?")
    assert seen == [["First.", "ok"], ["First.", "ok"]]


@pytest.mark.parametrize("words", ["long " * 100, "価格は四十二です。" * 40], ids=["latin", "japanese"])
def test_what_one_call_for_a_summary_reads_is_bounded_in_any_script(words: str) -> None:
    parts = history._parts([Message("user", words)], 50)
    assert all(len(part.encode()) <= 50 * history.BYTES for part in parts)
    assert len("".join(parts)) > len(words) * 0.95

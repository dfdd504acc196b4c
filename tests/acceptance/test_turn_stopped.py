"""A turn is stopped inside every sort of call: it stops at once, what it drew is on record, and later it goes on.

It is cancelled inside each; what else may stop it is heard of by the same guard, and is tried inside some.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.settings import RehearsalSettings
from tests.faults.bill import unrecorded
from tests.support import cells
from tests.support.aftermath import drawn, on_bill, place, settings
from tests.support.beyond import Beyond
from tests.support.stopping import Stopping
from tests.support.stories import ALL_AT_ONCE, REACHING_OUT, STEP_BY_STEP, Story
from tests.support.striking import TENANT, Striking, Turn
from tests.support.turning import rows, said_in
from tests.support.waiting import eventually
from tests.support.walking import job
from workers.metering.record import Recorder

STORIES = (STEP_BY_STEP, ALL_AT_ONCE, REACHING_OUT)

#: The ways to be stopped after which a turn goes on, and how often it has then failed: one for each of the last calls.
GOES_ON = {Stopping.late: 1, Stopping.handed_back: 0, Stopping.lost: 1}


@dataclass(frozen=True)
class Left:
    """`turns`: with how each ends, and how often it has failed."""

    striking: Striking
    turns: list[tuple[Turn, tuple[str, int]]]


@pytest.fixture(scope="module", params=STORIES, ids=[story.name for story in STORIES])
def left(request: pytest.FixtureRequest, servers: Servers, one_model: Rehearsal) -> Iterator[Left]:
    story: Story = request.param
    one_model.settings(**RehearsalSettings().model_dump(mode="json"))
    one_model.clear()
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), **settings(one_model)) as cell,
        Beyond().there() as beyond,
        pytest.MonkeyPatch.context() as patch,
    ):
        striking = Striking(story, cell, one_model, beyond, Path(home))
        stopping, turns = Stopping(striking, patch), []
        for nth, call in enumerate(story.inside):
            turns.append((stopping.inside(call, f"s{nth:02}", Stopping.cancelled), ("cancelled", 0)))
        for call, (stop, failures) in zip(story.inside[-len(GOES_ON) :], GOES_ON.items(), strict=True):
            turns.append((stopping.inside(call, f"on{stop.__name__}", stop), ("done", failures)))
        eventually(lambda: Recorder(cell).record() is not None and unrecorded(cell) == 0, "every draw is on a bill")
        yield Left(striking, turns)


def test_it_ends_as_it_was_told_to(left: Left) -> None:
    for turn, ends in left.turns:
        row = job(left.striking.cell, TENANT, turn.job)
        assert (row["state"], row["failures"]) == ends, turn
        said = said_in(left.striking.cell, TENANT, turn.job)
        assert [role for role, _ in said] == ([*left.striking.story.roles] if row["state"] == "done" else []), turn


def test_a_step_on_record_is_not_made_again(left: Left) -> None:
    for turn, _ in left.turns:
        again = [call for call in left.striking.served(turn.job) if place(call) in turn.finished]
        assert {str(call.request_id) for call in again} <= set(turn.finished.values()), turn


def test_a_cancelled_turn_makes_no_call_more(left: Left) -> None:
    for turn, (state, _) in left.turns:
        if state == "cancelled":
            assert {call.request_id for call in left.striking.served(turn.job)} == set(turn.served), turn


def test_what_was_drawn_is_on_record(left: Left) -> None:
    bill = on_bill(left.striking.cell)
    assert not rows(left.striking.cell, TENANT, "SELECT FROM tenant.steps WHERE state = 'intent'")
    for turn, _ in left.turns:
        for call in left.striking.served(turn.job):
            for key, many in drawn(call).items():
                at_worst = bill.get((*key[:2], "unknown"), 0)
                assert bill.get(key, 0) <= many <= bill.get(key, 0) + at_worst, turn


def test_a_server_outside_hears_of_a_step_by_one_key_and_of_one_on_record_no_more(left: Left) -> None:
    heard = left.striking.beyond.heard
    for turn, (state, _) in left.turns:
        for reaches in left.striking.story.reaches:
            times = heard[turn.key(reaches)]
            known = {1} if reaches in turn.finished else {0, 1} if state == "cancelled" else {1, 2}
            assert times in known, f"{turn}: {reaches}"

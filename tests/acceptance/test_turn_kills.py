"""A turn is killed at every point it comes to, and inside every call: it ends with one answer, and pays nothing twice.

Between the attempts the agent is configured anew and the knowledge changes. The model's own log is the witness.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from shared.cell import Cell
from shared.embedded import Servers
from shared.failpoints import Point
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.log import Served
from shared.rehearsal.settings import RehearsalSettings
from tests.faults.bill import reconcile, unrecorded
from tests.faults.counting import held_at_the_gate
from tests.support import billing, cells
from tests.support.spending import level
from tests.support.stories import AFTER, ALL_AT_ONCE, BEFORE, STEP_BY_STEP, Story
from tests.support.striking import LANES, TENANT, Striking, Turn
from tests.support.turning import MODEL, rows, said_in, steps_of
from tests.support.walking import job
from tests.support.workers import eventually, workers

#: What is on a bill: tokens by call, meter and status.
Bill = Mapping[tuple[str, str, str], int]


@dataclass(frozen=True)
class Aftermath:
    """What is left when all is over. `bill`: before it was reconciled with the model's log."""

    striking: Striking
    points: Sequence[str]
    turns: Sequence[Turn]
    bill: Bill
    requests: Sequence[Mapping[str, Any]]

    @property
    def cell(self) -> Cell:
        return self.striking.cell

    @property
    def story(self) -> Story:
        return self.striking.story

    def calls(self, turn: Turn) -> Sequence[Served]:
        return self.striking.served(turn.job)

    def asked(self, turn: Turn) -> Sequence[str]:
        """What the model was sent in this turn, in order."""
        asked = [request for request in self.requests if request["model"] == MODEL]
        return [text for text in map(json.dumps, asked) if f"{turn.word}: what grows" in text]


@pytest.fixture(scope="module", params=[STEP_BY_STEP, ALL_AT_ONCE], ids=["step by step", "all at once"])
def left(request: pytest.FixtureRequest, servers: Servers, one_model: Rehearsal) -> Iterator[Aftermath]:
    story: Story = request.param
    one_model.settings(**RehearsalSettings().model_dump(mode="json"))
    one_model.clear()
    told: dict[str, Any] = {"call_log_url": one_model.url, "call_log_grace_seconds": 0}
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), OPENAI_BASE_URL=one_model.url, **told) as cell,
    ):
        striking = Striking(story, cell, one_model, Path(home))
        points = striking.points()
        turns = [striking.at(nth) for nth in range(1, len(points) + 1, story.stride)]
        turns += [striking.inside(nth) for nth in range(len(story.inside))]
        striking.set_up(AFTER)
        with workers(cell, LANES):
            eventually(lambda: striking.over(turns), "all turns are over")
            eventually(lambda: unrecorded(cell) == 0, "every draw is on a bill")
            bill = on_bill(cell)
            eventually(lambda: reconcile(cell), "the bill is reconciled")
            yield Aftermath(striking, points, turns, bill, [json.loads(body) for body in one_model.requests()])


def on_bill(cell: Cell) -> Bill:
    return {key: quantity for key, (quantity, _) in billing.on_bill(cell).items()}


def drawn(served: Served) -> Bill:
    """A served call, as it should be on the bill."""
    tokens = {"tokens.input": served.input_tokens, "tokens.output": served.output_tokens}
    return {(str(served.request_id), meter, "billed"): many for meter, many in tokens.items() if many}


def place(call: Served) -> str:
    """Where in its turn a call was made (`job/place/run/n`)."""
    return str(call.request_id).partition("/")[2].rsplit("/", 2)[0]


def answered(left: Aftermath, turn: Turn) -> Mapping[str, str]:
    """The call that answered each place, when all was over."""
    steps = [step for step in steps_of(left.cell, TENANT, turn.job) if step["outcome"] is not None]
    assert len(steps) == len({step["place"] for step in steps}), f"{turn}: a place was answered twice"
    return {step["place"]: step["call_id"] for step in steps}


def test_every_point_was_struck(left: Aftermath) -> None:
    assert set(left.points) == set(get_args(Point))


def test_each_turn_has_one_answer_and_is_said_once(left: Aftermath) -> None:
    for turn in left.turns:
        row = job(left.cell, TENANT, turn.job)
        assert (row["state"], row["failures"]) == ("done", row["run"] - 1), turn
        assert row["result"]["answer"] == turn.answer
        said = said_in(left.cell, TENANT, turn.job)
        assert [role for role, _ in said] == [*left.story.roles], turn
        assert said[-1] == ("assistant", turn.answer)


def test_a_step_on_record_is_not_made_again(left: Aftermath) -> None:
    for turn in left.turns:
        assert turn.finished.items() <= answered(left, turn).items(), turn
        again = [call for call in left.calls(turn) if place(call) in turn.finished]
        assert {str(call.request_id) for call in again} <= set(turn.finished.values()), turn


def test_a_tool_that_is_on_record_does_not_act_again(left: Aftermath) -> None:
    """One that is not may have acted; then it acts again, and comes to the same."""
    acted = [turn for turn in left.turns if left.story.acts in turn.finished]
    assert acted
    for turn in acted:
        assert left.striking.remembered(turn.word) == turn.remembered is not None, turn
    if left.story.stride == 1:
        assert [turn for turn in left.turns if turn.remembered is not None and turn not in acted]


def test_the_answer_of_each_place_was_served_once(left: Aftermath) -> None:
    """An answer that was lost is on record as unknown, and no call id is used twice."""
    for turn in left.turns:
        served = Counter(str(call.request_id) for call in left.calls(turn))
        assert set(served.values()) == {1}, turn
        steps = {step["call_id"]: step for step in steps_of(left.cell, TENANT, turn.job) if step["model"]}
        assert {step["state"] for step in steps.values()} <= {"answered", "unknown", "failed", "void"}, turn
        assert {call for call, step in steps.items() if step["outcome"] is not None} <= served.keys(), turn
        assert len(served) <= left.story.calls + 1, f"{turn}: one call may be lost, and made again"


def test_a_turn_goes_on_as_it_began_though_its_agent_is_another_by_now(left: Aftermath) -> None:
    for turn in left.turns:
        began, other = (BEFORE, AFTER) if "assembly" in turn.finished else (AFTER, BEFORE)
        asked = left.asked(turn)
        assert asked, turn
        later = [words for words in asked if began.prompt in words]
        assert not [words for words in asked[-1:] if other.prompt in words], turn
        if "assembly" in turn.finished:
            assert later == asked, turn


def test_a_search_on_record_is_not_made_again_and_another_finds_what_is_there_now(left: Aftermath) -> None:
    for turn in left.turns:
        if turn.struck.endswith(("after_finish", "after_release")):
            continue  # it was over
        *_, last = left.asked(turn)
        known = {(BEFORE if search in turn.finished else AFTER).known for search in left.story.searches}
        assert {there.known for there in (BEFORE, AFTER) if there.known in last} == known, turn


def test_what_was_served_is_billed_or_on_record_as_unknown(left: Aftermath) -> None:
    for turn in left.turns:
        for call in left.calls(turn):
            for key, many in drawn(call).items():
                at_worst = left.bill.get((*key[:2], "unknown"), 0)
                assert left.bill.get(key, 0) in (0, many), turn
                assert left.bill.get(key, 0) <= many <= left.bill.get(key, 0) + at_worst, turn


def test_what_is_billed_is_what_was_served_once_it_is_reconciled(left: Aftermath) -> None:
    served = left.striking.model.served()
    assert on_bill(left.cell) == {key: many for call in served for key, many in drawn(call).items()}


def test_nothing_is_held_when_all_is_over(left: Aftermath) -> None:
    eventually(lambda: held_at_the_gate(left.cell) == 0, "no lease and no backlog is left")
    budget = level(left.cell, TENANT)
    assert (budget.held, budget.drawn) == (0, sum(on_bill(left.cell).values()))
    assert not rows(left.cell, TENANT, "SELECT FROM tenant.steps WHERE state = 'intent'")


def test_a_turn_remembers_if_it_began_with_an_agent_that_may(left: Aftermath) -> None:
    remembered = {row["name"] for row in rows(left.cell, TENANT, "SELECT name FROM tenant.memories")}
    began = {turn.word for turn in left.turns if "assembly" in turn.finished}
    assert remembered == {"w00"} | began
    for turn in left.turns:
        refused = [] if turn.word in began else ["remember"]
        assert job(left.cell, TENANT, turn.job)["result"].get("refused", []) == refused, turn

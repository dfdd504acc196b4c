"""A turn is killed at every point it comes to, and inside every call: it ends with one answer, and pays nothing twice.

Between the attempts the agent is configured anew, the knowledge changes, and so does what servers offer. The logs
of the model and of the servers outside are the witnesses.
"""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

import pytest

from shared.embedded import Servers
from shared.failpoints import Point
from shared.rehearsal.client import Rehearsal
from tests.faults.counting import held_at_the_gate
from tests.support.aftermath import Aftermath, aftermath, drawn, on_bill, place
from tests.support.spending import level
from tests.support.stories import AFTER, ALL_AT_ONCE, BEFORE, REACHING_OUT, STEP_BY_STEP, Story
from tests.support.striking import TENANT
from tests.support.turning import rows, said_in, steps_of
from tests.support.walking import job
from tests.support.workers import eventually

STORIES = (STEP_BY_STEP, ALL_AT_ONCE, REACHING_OUT)


@pytest.fixture(scope="module", params=STORIES, ids=[story.name for story in STORIES])
def left(request: pytest.FixtureRequest, servers: Servers, one_model: Rehearsal) -> Iterator[Aftermath]:
    story: Story = request.param
    with aftermath(story, servers, one_model) as left:
        yield left


def test_every_point_was_struck(left: Aftermath) -> None:
    assert set(left.points) == set(get_args(Point))


def test_each_turn_has_one_answer_and_is_said_once(left: Aftermath) -> None:
    for turn in left.turns:
        row = job(left.cell, TENANT, turn.job)
        assert (row["state"], row["failures"]) == ("done", row["run"] - 1), turn
        assert row["result"]["answer"] == left.story.answer(turn.word)
        said = said_in(left.cell, TENANT, turn.job)
        assert [role for role, _ in said] == [*left.story.roles], turn
        assert said[-1] == ("assistant", left.story.answer(turn.word))
        turns = "SELECT turns FROM tenant.conversations WHERE conversation_id = %s"
        assert rows(left.cell, TENANT, turns, turn.word) == [{"turns": left.story.earlier + 1}], turn


def test_a_step_on_record_is_not_made_again(left: Aftermath) -> None:
    for turn in left.turns:
        assert turn.finished.items() <= left.answered(turn).items(), turn
        again = [call for call in left.calls(turn) if place(call) in turn.finished]
        assert {str(call.request_id) for call in again} <= set(turn.finished.values()), turn


def test_a_tool_that_is_on_record_does_not_act_again(left: Aftermath) -> None:
    """One that is not may have acted; then it acts again, and comes to the same."""
    acted = [turn for turn in left.turns if left.story.acts in turn.finished]
    assert acted
    for turn in acted:
        assert left.striking.remembered(turn.word) == turn.remembered is not None, turn
    if left.story is STEP_BY_STEP:  # in the others it acts beside another, which may be struck first
        assert [turn for turn in left.turns if turn.remembered is not None and turn not in acted]


def test_the_answer_of_each_place_was_served_once(left: Aftermath) -> None:
    """An answer that was lost is on record as unknown, and no call id is used twice."""
    for turn in left.turns:
        served = Counter(str(call.request_id) for call in left.calls(turn))
        assert set(served.values()) == {1}, turn
        steps = {step["call_id"]: step for step in steps_of(left.cell, TENANT, turn.job) if step["model"]}
        assert {step["state"] for step in steps.values()} <= {"answered", "unknown", "failed", "void"}, turn
        assert {call for call, step in steps.items() if step["outcome"] is not None} <= served.keys(), turn
        assert len(served) <= left.story.calls + turn.loses, f"{turn}: what is lost is made again, and nothing else"


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


def test_a_turn_goes_on_with_the_tools_that_it_began_with(left: Aftermath) -> None:
    remembered = {row["name"] for row in rows(left.cell, TENANT, "SELECT name FROM tenant.memories")}
    assert remembered == {"w00"} | {turn.word for turn in left.turns if "assembly" in turn.finished}
    for turn in left.turns:
        refused = [tool for tool, place in left.story.grants.items() if place not in turn.finished]
        assert left.refused(turn) == refused, turn


def test_a_server_outside_hears_of_a_step_by_one_key_and_of_one_on_record_no_more(left: Aftermath) -> None:
    """A step that is not on record may have been heard of; then it is heard of again, by the same key."""
    heard, keys = left.striking.beyond.heard, set[str]()
    for turn in left.turns:
        for reaches, tool in left.story.reaches.items():
            keys.add(turn.key(reaches))
            known = {1} if reaches in turn.finished else {0} if tool in left.refused(turn) else {1, 2}
            assert heard[turn.key(reaches)] in known, f"{turn}: {reaches}"
    others = {key for key, times in heard.items() if times} - keys
    assert len(others) == len(left.story.reaches), "those of the turn that nothing struck"
    assert not left.story.reaches or 2 in heard.values(), "some were struck between the deed and its record"

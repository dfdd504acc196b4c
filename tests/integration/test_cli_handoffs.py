"""Conversations that wait for a human: listed over tenants, given back with an answer, and never another tenant's."""

from contextlib import closing
from typing import Any
from uuid import UUID

import pytest

from producers.client import Headgate
from shared.bus import connect
from shared.cell import Cell
from shared.contracts.answers import Answer, ConversationAnswered, ConversationAnsweredData
from shared.rehearsal.client import Rehearsal
from tests.support.cells import make_tenant
from tests.support.commands import done, refused
from tests.support.turning import Slot, configure, says
from tests.support.walking import job, submit
from workers.upkeep.relay import Relay

HAND_OFF = """
INSERT INTO tenant.conversations (tenant_id, conversation_id, agent, user_identifier, state, handed_off_at,
                                  handoff_reason)
VALUES (%s, %s, 'default', 'ann', %s, now() - %s * interval '1 hour', 'the user said ''human''')
"""


@pytest.fixture
def waiting(cell: Cell) -> Cell:
    """Of acme `new` and `old`, of globex `middle`; `open` waits for nobody."""
    for tenant, conversation, state, hours in (
        ("acme", "new", "handed_off", 1),
        ("acme", "old", "handed_off", 3),
        ("acme", "open", "open", 4),
        ("globex", "middle", "handed_off", 2),
    ):
        if conversation in ("new", "middle"):
            make_tenant(cell, tenant)
        with cell.database.transaction(tenant) as connection:
            connection.execute(HAND_OFF, (tenant, conversation, state, hours))
    return cell


def listed(cell: Cell, *arguments: str) -> list[tuple[str, str]]:
    rows = done(cell.settings, "handoffs", "list", *arguments, "--json").document
    return [(row["tenant"], row["conversation"]) for row in rows]


def messages(cell: Cell, tenant: str) -> list[dict[str, Any]]:
    with cell.database.transaction(tenant) as connection:
        said = "SELECT conversation_id, role, content FROM tenant.messages ORDER BY position"
        return connection.execute(said).fetchall()


def test_who_has_waited_longest_stands_first_over_all_tenants(waiting: Cell) -> None:
    assert listed(waiting) == [("acme", "old"), ("globex", "middle"), ("acme", "new")]
    assert listed(waiting, "--tenant", "globex") == [("globex", "middle")]
    out = done(waiting.settings, "handoffs", "list", "--tenant", "globex").out
    assert "the user said 'human'" in out
    assert "ann" in out
    assert "no tenant 'nobody'" in refused(waiting.settings, "handoffs", "list", "--tenant", "nobody")


def test_a_conversation_goes_back_to_its_agent_with_the_humans_answer(waiting: Cell) -> None:
    said = done(waiting.settings, "handoffs", "resolve", "acme", "old", "--message", "It is on its way.")
    assert "Nobody is told" in said.out
    done(waiting.settings, "handoffs", "resolve", "acme", "new")
    assert listed(waiting) == [("globex", "middle")]
    told = [{"conversation_id": "old", "role": "assistant", "content": "It is on its way."}]
    assert messages(waiting, "acme") == told
    again = refused(waiting.settings, "handoffs", "resolve", "acme", "old", "--message", "twice")
    assert "waits for no human" in again
    assert messages(waiting, "acme") == told


def test_the_humans_answer_leaves_for_whoever_asked_for_the_latest_turn(speaking_cell: Cell) -> None:
    cell, slot = speaking_cell, Slot(speaking_cell)
    key = make_tenant(cell, "acme").secret
    configure(cell, "acme", escalation_keywords=["human"], tools=[])
    turns = []
    for name in ("first", "second"):
        asked = {"conversation": "c", "message": "I want a human!", "userIdentifier": "ann"}
        turns.append(submit(cell, "agent.turn", asked, key, replyto=f"headgate.replies.acme.{name}", id=name))
        slot.serve()
    said = done(cell.settings, "handoffs", "resolve", "acme", "c", "--message", "I am Bob.")
    assert "Nobody" not in said.out
    with closing(connect(cell.bus_url)) as bus:
        Relay(cell, bus).relay()
    told = {name: answers(cell, key, name) for name in ("first", "second")}
    assert [answer.type for answer in told["first"]] == ["headgate.job.finished"]
    (answered,) = (answer for answer in told["second"] if isinstance(answer, ConversationAnswered))
    assert (answered.subject, answered.tenantid) == ("second", "acme")
    assert answered.data == ConversationAnsweredData(
        conversation="c", agent="default", user_identifier="ann", job=UUID(turns[1]), answer="I am Bob."
    )


def answers(cell: Cell, key: str, name: str) -> list[Answer]:
    with Headgate(cell.bus_url, key, principal="acme", name=name) as headgate:
        return list(headgate.answers(0.2))


def test_nothing_is_given_back_that_is_not_there(waiting: Cell) -> None:
    for tenant, conversation in (("acme", "middle"), ("globex", "old"), ("acme", "none")):
        line = refused(waiting.settings, "handoffs", "resolve", tenant, conversation, "--message", "hello")
        assert "has no conversation" in line
    assert "waits for no human" in refused(waiting.settings, "handoffs", "resolve", "acme", "open")
    refused(waiting.settings, "handoffs", "resolve", "acme", "old", "--message", "  ", code=2)
    assert len(listed(waiting)) == 3
    assert messages(waiting, "acme") == messages(waiting, "globex") == []


def test_a_turn_that_hands_off_is_listed_and_the_next_after_the_answer_is_the_agents(
    speaking_cell: Cell, model: Rehearsal
) -> None:
    cell, slot = speaking_cell, Slot(speaking_cell)
    key = make_tenant(cell, "acme").secret
    configure(cell, "acme", escalation_keywords=["human"], tools=[])
    model.settings(script=[says("You are welcome.")])
    outcomes = []
    for message in ("I want a human!", "Hello?", "Thanks"):
        if message == "Thanks":
            (waits,) = done(cell.settings, "handoffs", "list", "--json").document
            assert (waits["conversation"], waits["agent"]) == ("c", "default")
            assert "human" in waits["handoff_reason"]
            done(cell.settings, "handoffs", "resolve", "acme", "c", "--message", "I am Bob.")
        turn = submit(cell, "agent.turn", {"conversation": "c", "message": message}, key)
        slot.serve()
        outcomes.append(job(cell, "acme", turn)["result"]["outcome"])
    assert outcomes == ["handed_off", "handed_off", "answered"]
    spoken = [row["content"] for row in messages(cell, "acme")]
    assert spoken[-3:] == ["I am Bob.", "Thanks", "You are welcome."]
    (quality,) = [row for row in done(cell.settings, "quality", "--json").document if row["handoffs"]]
    counted = {name: quality[name] for name in ("turns", "answered", "handoffs", "rules")}
    assert counted == {"turns": 3, "answered": 1, "handoffs": 1, "rules": 1}, "who waits for a human is no new handoff"

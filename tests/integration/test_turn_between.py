"""What happens between two runs of a turn: whose turn it is then, what it may still use, and what is not paid again."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from shared.cell import Cell
from shared.changes import tell_tenants
from shared.rehearsal.client import Rehearsal
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.support.cells import make_tenant
from tests.support.providing import allowed
from tests.support.spending import level
from tests.support.turning import MODEL, Slot, configure, know, says, steps_of, wants
from tests.support.waiting import eventually
from tests.support.walking import job, submit

#: Where its model is called in a turn.
PLACES = ["0.model", "0.tool.0.rehearsal-embed", "1.model"]


class Talk:
    """A tenant's user, one conversation and a slot."""

    def __init__(self, cell: Cell, model: Rehearsal) -> None:
        self.cell, self.model = cell, model
        self.key, self.slot = make_tenant(cell, "acme").secret, Slot(cell)
        self.budget(1_000_000)
        configure(cell, "acme", tools=["search_knowledge"])
        know(cell, "acme", "almanac", "Barley grows below the mill.")
        script = [wants(("search_knowledge", {"query": "it"})), says("It is 42.")]
        model.settings(script=script, keep_requests=True, output_tokens=1000)

    def budget(self, tokens: int) -> None:
        """From now on the tenant may draw so many in a month."""
        budgets.change_tenant(self.cell.admin, "acme", Change(limits={"tokens_month": tokens}))
        tell_tenants(self.cell, [self.cell.tenants.get("acme")])

    def submit(self, message: str, *, conversation: str = "c-1", **more: Any) -> str:
        return submit(self.cell, "agent.turn", {"conversation": conversation, "message": message}, self.key, **more)

    def begun(self, message: str = "What is it?", **more: Any) -> str:
        """A turn that has failed in its second call."""
        self.model.settings(faults=[{"fault": "500", "after": 1, "model": MODEL}])
        asked = self.submit(message, **more)
        self.slot.serve()
        row = self.row(asked)
        assert (row["state"], row["failures"]) == ("waiting", 1), row["error"]
        return asked

    def prompts(self) -> list[str]:
        """What each request to the model began with."""
        asked = [orjson.loads(body) for body in self.model.requests() if b"messages" in body.encode()]
        return [request["messages"][0]["content"] for request in asked]

    def row(self, asked: str) -> dict[str, Any]:
        return job(self.cell, "acme", asked)

    def served(self) -> bool:
        """The slot has run whatever could be run."""
        self.cell.gate.sweep("w")
        self.slot.serve()
        return True

    def over(self, asked: str) -> dict[str, Any]:
        """The row of a turn, once it is over."""
        eventually(lambda: self.served() and self.row(asked)["finished_at"], "the turn is over")
        return self.row(asked)

    def calls(self, asked: str) -> list[str]:
        """The places at which this turn's model was served, in order."""
        mine = [call for call in self.model.served() if (call.request_id or "").startswith(asked)]
        return [str(call.request_id).split("/")[1] for call in mine]


@pytest.fixture
def talk(speaking_cell: Cell, model: Rehearsal) -> Talk:
    return Talk(speaking_cell, model)


def test_a_turn_that_waits_to_be_run_again_lets_none_of_its_conversation_by(talk: Talk) -> None:
    """However urgent that is: what it answers depends on what was answered before."""
    first = talk.begun(priority=9)
    urgent = talk.submit("And now?", priority=0)
    talk.slot.serve()
    assert talk.row(urgent)["run"] == 0
    rows_of = [talk.over(asked) for asked in (first, urgent)]
    assert [row["state"] for row in rows_of] == ["done", "done"]
    assert rows_of[0]["finished_at"] < rows_of[1]["started_at"]
    *_, last = [orjson.loads(body) for body in talk.model.requests() if b"messages" in body.encode()]
    said = [message["content"] for message in last["messages"] if message["role"] == "assistant"]
    assert "It is 42." in said


BETWEEN: dict[str, Callable[[Talk], object]] = {
    "the agent is another": lambda talk: configure(talk.cell, "acme", tools=(), prompt="Another.", max_turns=1),
    "its knowledge is another": lambda talk: know(talk.cell, "acme", "almanac", "Flax grows beside the loom."),
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
def test_a_later_run_goes_on_where_the_first_was(talk: Talk, between: Callable[[Talk], object]) -> None:
    asked = talk.begun()
    (assembly,) = (step for step in steps_of(talk.cell, "acme", asked) if step["place"] == "assembly")
    between(talk)
    row = talk.over(asked)
    assert (row["state"], row["result"]["version"]) == ("done", assembly["outcome"]["version"])
    assert talk.calls(asked) == PLACES
    assert len(set(talk.prompts())) == 1, "the model is told something else than before"


def test_a_turn_whose_model_its_tier_has_lost_ends_and_what_it_drew_is_on_record(talk: Talk) -> None:
    asked = talk.begun()
    allowed(talk.cell, "another")
    row = talk.over(asked)
    assert (row["state"], talk.calls(asked)) == ("discarded", PLACES[:-1])
    assert "does not allow this model" in row["error"]


def test_a_turn_whose_agent_is_gone_ends_with_the_reason(talk: Talk) -> None:
    asked = talk.begun()
    with talk.cell.admin.transaction("acme") as connection:
        connection.execute("DELETE FROM tenant.agents")
    row = talk.over(asked)
    assert (row["state"], row["result"]) == ("discarded", None)
    assert "has no agent 'default'" in row["error"]


def test_a_turn_that_finds_no_room_in_its_midst_goes_on_from_there_when_there_is(talk: Talk) -> None:
    """Meanwhile none of its conversation goes by."""
    talk.over(talk.submit("What was it?", conversation="c-0"))
    asked = talk.begun()
    talk.budget(level(talk.cell, "acme").drawn + 500)
    eventually(lambda: talk.served() and talk.row(asked)["run"] > 1, "it was run again")
    assert (talk.row(asked)["state"], talk.row(asked)["failures"]) == ("waiting", 1)
    assert "over budget tokens_month" in talk.row(asked)["error"]
    behind = talk.submit("And now?")
    talk.served()
    assert talk.row(behind)["run"] == 0
    talk.budget(1_000_000)
    assert talk.over(asked)["state"] == "done"
    assert talk.calls(asked) == ["0.model", "1.model"], "the search was the earlier turn's"

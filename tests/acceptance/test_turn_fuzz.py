"""Whatever a model says, and however it breaks off: the turn ends, nothing is lost or billed twice, others go on."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared import ids
from shared.cell import Cell
from shared.embedded import Servers
from shared.ledger.states import FINAL
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.hostile import BODIES, HELD, SCRIPTS
from tests.support.turning import Slot, configure, know, rows, said_in, says, steps_of, wants
from tests.support.walking import job, submit
from workers.turns.tools.knowledge import PASSAGES_BYTES

#: Examples of each property; a turn of a few rounds takes some 50 ms.
FUZZ = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

#: Tool calls that the agent may make in a turn.
MOST = 4


@pytest.fixture(scope="module")
def cell(servers: Servers, one_model: Rehearsal) -> Iterator[Cell]:
    """A cell in which a job that fails is dead at once: what it came to is seen without waiting."""
    told: dict[str, Any] = {"OPENAI_BASE_URL": one_model.url, "failures_allowed": 1}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **told) as made:
        yield made


class Talking:
    """Two tenants with an agent each: acme's model says what the script says, globex's is quick and faultless."""

    def __init__(self, cell: Cell, model: Rehearsal) -> None:
        self.cell, self.model, self._slot = cell, model, Slot(cell)
        self._keys = {tenant: cells.make_tenant(cell, tenant).secret for tenant in ("acme", "globex")}
        for tenant in self._keys:
            configure(cell, tenant, tools=HELD, max_tool_calls=MOST)
            know(cell, tenant, "almanac", "Barley grows below the headgate.")

    def turn(self, tenant: str, *, stream: bool = False) -> str:
        """A turn of this tenant, run once; its id."""
        asked = {"conversation": f"c-{ids.new()}", "message": f"{tenant} asks what grows", "stream": stream}
        job = submit(self.cell, "agent.turn", asked | {"userIdentifier": "miller"}, self._keys[tenant])
        self._slot.serve()
        return job

    def says(self, script: Sequence[dict[str, Any]], **settings: Any) -> None:
        rounds = [{**each, "match": "acme asks"} for each in script]
        self.model.settings(script=rounds, **({"faults": []} | settings))


@pytest.fixture(scope="module")
def talking(cell: Cell, one_model: Rehearsal) -> Talking:
    one_model.clear()
    return Talking(cell, one_model)


def ended(talking: Talking, job_id: str, tenant: str = "acme") -> dict[str, Any]:
    """The job's row, after looking that it is over and what it drew is on record."""
    row = job(talking.cell, tenant, job_id)
    assert row["state"] in FINAL, row
    steps = steps_of(talking.cell, tenant, job_id)
    assert not [step for step in steps if step["state"] == "intent"]
    assert len(steps) == len({step["place"] for step in steps}), "nothing was called twice"
    served = {call.request_id: call for call in talking.model.served() if (call.request_id or "").startswith(job_id)}
    for step in steps:
        if step["model"] and not step["from_cache"]:
            call = served.pop(step["call_id"])
            drawn = (call.input_tokens, call.output_tokens)
            if step["state"] == "answered":
                assert (step["input_tokens"], step["output_tokens"]) == drawn
            else:
                assert step["state"] == "unknown", step
                assert (step["worst_input_tokens"], step["worst_output_tokens"]) >= drawn
    assert not served, "what was served is on record"
    return row


def done(talking: Talking, job_id: str, tenant: str = "acme") -> dict[str, Any]:
    """The result of a turn that came to an answer, which stands in its conversation once."""
    row = ended(talking, job_id, tenant)
    assert row["state"] == "done", row["error"]
    result: dict[str, Any] = row["result"]
    assert result["answer"].strip()
    said = said_in(talking.cell, tenant, job_id)
    assert [role for role, _ in said].count("user") == 1
    assert said[-1] == ("assistant", result["answer"])
    return result


@FUZZ
@given(script=SCRIPTS, stream=st.booleans())
@example(script=[{"text": "", "calls": []}], stream=True)
def test_whatever_a_model_says_the_turn_ends_with_an_answer(
    talking: Talking, script: list[dict[str, Any]], stream: bool
) -> None:
    talking.says(script)
    result = done(talking, job_id := talking.turn("acme", stream=stream))
    assert result["outcome"] in ("answered", "fallback", "handed_off")
    used = [step for step in steps_of(talking.cell, "acme", job_id) if step["kind"] == "tool"]
    assert len(used) <= MOST
    assert "Barley grows" in done(talking, talking.turn("globex"), "globex")["answer"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_none_ends_the_run_and_is_on_record(talking: Talking, body: str, stream: bool) -> None:
    talking.says([says("barley")], faults=[{"fault": "garbled", "body": body, "match": "acme asks"}])
    row = ended(talking, talking.turn("acme", stream=stream))
    assert row["state"] == "done" or (row["state"] == "dead" and row["error"]), row
    assert talking.model.struck() == [1]
    assert done(talking, talking.turn("acme"))["answer"] == "barley"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("after", [0, 1])
def test_an_answer_that_breaks_off_is_on_record_as_unknown(talking: Talking, after: int, stream: bool) -> None:
    talking.says(
        [wants(("recall", {})), says("barley " * 100)], faults=[{"fault": "cut", "match": "acme asks", "after": after}]
    )
    row = ended(talking, job_id := talking.turn("acme", stream=stream))
    assert row["state"] == "dead"
    assert "cut" in row["error"] or "whole" in row["error"]
    *_, last = [step for step in steps_of(talking.cell, "acme", job_id) if step["kind"] == "model"]
    assert (last["place"], last["state"]) == (f"{after}.model", "unknown")
    assert not said_in(talking.cell, "acme", job_id)


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_model_that_asks_for_tools_for_ever_is_heard_so_many_times(talking: Talking, at_once: int) -> None:
    talking.says([wants(*[("recall", {})] * at_once)])
    result = done(talking, job_id := talking.turn("acme"))
    assert result["outcome"] == "fallback"
    steps = steps_of(talking.cell, "acme", job_id)
    assert len([step for step in steps if step["kind"] == "tool"]) == MOST
    assert len([step for step in steps if step["kind"] == "model"]) <= MOST + 1


def test_a_huge_result_is_cut_before_the_model_is_shown_it(talking: Talking) -> None:
    know(talking.cell, "acme", "novel", "Barley and rye grow. " * 20_000, base="novels")
    configure(talking.cell, "acme", tools=HELD, max_tool_calls=MOST, knowledge_bases=["novels"])
    talking.says([wants(("search_knowledge", {"query": "barley and rye"})), says("barley")], keep_requests=True)
    assert done(talking, talking.turn("acme"))["answer"] == "barley"
    *_, last = talking.model.requests()
    assert PASSAGES_BYTES / 2 < len(last) < PASSAGES_BYTES + 10_000


def test_what_was_fuzzed_left_nothing_open(talking: Talking) -> None:
    assert not rows(talking.cell, "acme", "SELECT FROM tenant.jobs WHERE NOT state = ANY(%s)", [*FINAL])

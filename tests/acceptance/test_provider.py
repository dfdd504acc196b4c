"""What a model provider does wrong: which of it is tried again, when, and what is on the bill."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.agents import agents
from shared.agents.configuration import AgentConfiguration, Target
from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal, rehearsal
from tests.support import cells
from tests.support.providing import resident
from tests.support.walking import finished, submit
from tests.support.workers import workers

KEY_OF_THE_MODEL = "sk-test-key"

LANES = ["turns.pro", "ops.pro"]

TURN = {"conversation": "c-1", "message": "What is a lock?"}


@contextmanager
def own_cell(servers: Servers, model: Rehearsal, **settings: Any) -> Iterator[Cell]:
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), **({"OPENAI_BASE_URL": model.url} | settings)) as cell,
    ):
        yield cell


def steps(cell: Cell) -> list[dict[str, Any]]:
    statement = """
    SELECT state, error, run, extract(epoch FROM ended_at - lag(ended_at) OVER (ORDER BY intended_at))::float AS after
    FROM tenant.steps WHERE model IS NOT NULL ORDER BY intended_at
    """
    with cell.database.transaction("acme") as connection:
        return connection.execute(statement).fetchall()


def turned(
    cell: Cell, model: str = "rehearsal-1", *, agent: AgentConfiguration | None = None, residency: str | None = None
) -> dict[str, Any]:
    """A turn's row once it is over."""
    key = cells.make_tenant(cell, "acme").secret
    if residency is not None:
        resident(cell, "acme", residency)
    with cell.database.transaction("acme") as connection:
        agents.put(connection, "acme", "default", agent or AgentConfiguration(model=model))
    with workers(cell, LANES):
        return finished(cell, "acme", submit(cell, "agent.turn", TURN, key))


def test_a_call_that_is_rate_limited_is_made_again_no_sooner_than_asked(speaking_cell: Cell, model: Rehearsal) -> None:
    model.settings(faults=[{"fault": "429", "retry_after": 2.5}])
    row = turned(speaking_cell)
    assert (row["state"], row["run"], row["failures"]) == ("done", 2, 0)
    refused, again, _ = steps(speaking_cell)
    assert (refused["state"], again["state"]) == ("failed", "answered")
    assert "429" in refused["error"]
    assert again["after"] >= 2.5


def test_a_provider_that_fails_is_asked_again_and_nothing_is_billed_for_it(
    speaking_cell: Cell, model: Rehearsal
) -> None:
    model.settings(faults=[{"fault": "500", "times": 2}])
    row = turned(speaking_cell)
    assert (row["state"], row["run"], row["failures"]) == ("done", 3, 2)
    assert [step["state"] for step in steps(speaking_cell)] == ["failed", "failed", "answered", "answered"]
    assert model.total(KEY_OF_THE_MODEL).calls == 2


@pytest.mark.parametrize("fault", ["cut", "lost"])
def test_a_call_whose_answer_is_lost_is_unknown_and_made_again(
    speaking_cell: Cell, model: Rehearsal, fault: str
) -> None:
    """`lost` ends, after a while, with a gateway's 504: it too says nothing of what was drawn."""
    model.settings(faults=[{"fault": fault}], hold_seconds=0.3)
    row = turned(speaking_cell)
    assert (row["state"], row["failures"]) == ("done", 1)
    assert [step["state"] for step in steps(speaking_cell)] == ["unknown", "answered", "answered"]
    assert model.total(KEY_OF_THE_MODEL).calls == 3


def test_a_turn_falls_back_within_its_region_and_shows_who_answered(servers: Servers, model: Rehearsal) -> None:
    """Of three providers one is broken, and one is where the tenant's words may not go."""
    with rehearsal(faults=[{"fault": "500", "times": None}]) as broken:
        regions = {"near": ("eu-west", broken.url), "far": ("us", model.url), "spare": ("eu-north", model.url)}
        providers = {
            name: {"base_url": url, "region": region, "api_key": f"sk-{name}"}
            for name, (region, url) in regions.items()
        }
        targets = [Target(model="rehearsal-1", provider=name) for name in regions]
        agent = AgentConfiguration(model="rehearsal-1", provider="near", fallbacks=targets[1:], tools=[])
        with own_cell(servers, model, providers=providers, OPENAI_API_KEY=None) as cell:
            row = turned(cell, agent=agent, residency="eu")
    assert row["state"] == "done"
    (asked,) = row["result"]["models"]
    assert (asked["provider"], [passed["provider"] for passed in asked["passed_over"]]) == ("spare", ["near", "far"])
    assert (model.total("sk-far").calls, model.total("sk-spare").calls) == (0, 1)


def test_a_model_that_the_provider_does_not_know_ends_the_job_with_its_words(
    servers: Servers, model: Rehearsal
) -> None:
    with own_cell(servers, model, prices={"gpt-nope": {"input": "1", "output": "1"}}) as cell:
        row = turned(cell, "gpt-nope")
    assert (row["state"], row["run"]) == ("discarded", 1)
    assert "404" in row["error"]
    assert "gpt-nope" in row["error"]


def test_a_model_without_a_price_is_never_called(speaking_cell: Cell, model: Rehearsal) -> None:
    row = turned(speaking_cell, "no-such-model-anywhere")
    assert (row["state"], row["run"]) == ("discarded", 1)
    assert "HEADGATE_PRICES" in row["error"]
    assert steps(speaking_cell) == []


def test_a_provider_that_is_not_there_is_tried_again_and_the_job_ends_dead(servers: Servers, model: Rehearsal) -> None:
    with own_cell(servers, model, OPENAI_BASE_URL="http://127.0.0.1:1/v1", failures_allowed=2) as cell:
        row = turned(cell)
    assert (row["state"], row["run"], row["failures"]) == ("dead", 2, 2)
    assert "cannot be reached" in row["error"]

"""What a tenant may ask is asked again at the moment of each call, whatever a worker knew of it when the run began."""

from collections.abc import Iterator

import pytest

from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal, rehearsal
from tests.support.commands import done
from tests.support.providing import EU, US, Asking, provided
from tests.support.spending import journaled


@pytest.fixture(scope="module")
def eu() -> Iterator[Rehearsal]:
    with rehearsal() as started:
        yield started


@pytest.fixture
def cell(servers: Servers, model: Rehearsal, eu: Rehearsal) -> Iterator[Cell]:
    """Everybody here knows a tenant for a minute, worker and command line alike, as in production for ten seconds."""
    eu.clear()
    with provided(servers, {"us": model, "eu": eu}, access_cache_seconds=60) as made:
        yield made


@pytest.fixture
def asking(cell: Cell) -> Asking:
    """A worker that has just asked the provider in the US for acme, as it may."""
    asking = Asking(cell)
    asking.targets = (US, EU)
    assert asking.run()["result"]["provider"] == "us"
    return asking


@pytest.mark.parametrize("embeds", [False, True])
def test_no_call_leaves_the_region_once_the_command_that_names_it_has_ended(
    asking: Asking, model: Rehearsal, eu: Rehearsal, *, embeds: bool
) -> None:
    done(asking.cell.settings, "tenant", "configure", "acme", "--residency", "eu")
    model.clear()
    asking.embeds = embeds
    row = asking.run()
    assert (row["state"], row["failures"], row["result"]["provider"]) == ("done", 0, "eu")
    ((passed),) = row["result"]["passed_over"]
    assert "nothing may leave eu" in passed["why"]
    assert (model.served(), len(eu.served())) == ([], 1)
    void, answered = journaled(asking.cell, "acme")[1:]
    assert (void["state"], void["provider"], answered["state"]) == ("void", "us", "answered")
    asking.run()
    assert len(journaled(asking.cell, "acme")) == 4, "what was heard once is known from then on"
    assert asking.run(tenant="globex")["result"]["provider"] == "us"


def test_a_model_that_is_taken_from_a_tier_is_not_asked_any_more(asking: Asking, model: Rehearsal) -> None:
    done(asking.cell.settings, "tier", "configure", "pro", "--model", "gpt-4.1-mini")
    model.clear()
    row = asking.run()
    assert row["state"] == "discarded"
    assert row["error"].count("tier 'pro' does not allow this model") == 2
    assert model.served() == []
    assert [step["state"] for step in journaled(asking.cell, "acme")] == ["answered", "void"], "asked about once"


def test_a_change_between_two_calls_of_one_run_holds_for_the_second(asking: Asking, model: Rehearsal) -> None:
    model.clear()
    asking.between = lambda: done(asking.cell.settings, "tenant", "configure", "acme", "--residency", "eu")
    assert asking.run()["result"]["provider"] == "eu"
    assert len(model.served()) == 1


def test_a_change_that_allows_more_stops_nothing(asking: Asking) -> None:
    done(asking.cell.settings, "tenant", "configure", "acme", "--weight", "2")
    assert asking.run()["result"]["provider"] == "us"
    assert [step["state"] for step in journaled(asking.cell, "acme")] == ["answered"] * 2

"""Which models are asked, in which order, and what becomes of a job that none of them answers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared.agents.configuration import Target
from shared.cell import Cell
from shared.clock import now
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from tests.support.providing import CHAT, EU, KEYS, TIMEOUT, US, Asking, allowed, provided, resident
from tests.support.spending import journaled
from tests.support.workers import eventually
from workers.models import circuit
from workers.models.circuit import FAILURES, OPEN_SECONDS, CircuitOpen
from workers.models.circuits import Line
from workers.models.failures import ProviderFailed
from workers.models.routing import NO_KEY


@pytest.fixture
def cell(servers: Servers, model: Rehearsal, eu: Rehearsal) -> Iterator[Cell]:
    with provided(servers, {"us": model, "eu": eu}) as made:
        yield made


@pytest.fixture
def asking(cell: Cell) -> Asking:
    return Asking(cell)


def test_the_first_model_that_answers_is_asked_alone_and_says_who_it_is(
    asking: Asking, model: Rehearsal, eu: Rehearsal
) -> None:
    asking.targets = (US, EU)
    row = asking.run()
    assert row["state"] == "done"
    assert (row["result"]["provider"], row["result"]["model"], row["result"]["passed_over"]) == ("us", CHAT, [])
    assert (len(model.served(KEYS["us"])), eu.served()) == (1, [])
    (step,) = journaled(asking.cell, "acme")
    assert (step["provider"], step["billed_to"], step["state"]) == ("us", "platform", "answered")


@pytest.mark.parametrize(
    ("fault", "state"), [("500", "failed"), ("429", "failed"), ("401", "failed"), ("cut", "unknown")]
)
def test_a_fallback_answers_where_a_model_does_not_and_the_turn_can_tell_why(
    asking: Asking, model: Rehearsal, eu: Rehearsal, fault: str, state: str
) -> None:
    model.settings(faults=[{"fault": fault, "times": None}])
    asking.targets = (US, EU, US)
    with capture_logs() as logs:
        row = asking.run()
    assert (row["state"], row["failures"], row["result"]["provider"]) == ("done", 0, "eu")
    ((passed),) = row["result"]["passed_over"]
    assert (passed["provider"], passed["model"]) == ("us", CHAT)
    assert passed["why"]
    (logged,) = [entry for entry in logs if entry["event"] == "a model is passed over"]
    assert logged.items() >= (passed | {"job": str(row["job_id"]), "place": "0.model", "log_level": "warning"}).items()
    first, second = journaled(asking.cell, "acme")
    assert (first["state"], first["provider"]) == (state, "us")
    assert (second["state"], second["provider"], second["place"]) == ("answered", "eu", first["place"])
    assert model.struck() == [1]


def test_what_may_not_be_asked_is_passed_over_and_nothing_is_sent(
    asking: Asking, model: Rehearsal, eu: Rehearsal
) -> None:
    allowed(asking.cell, CHAT)
    asking.targets = (Target(model="huge", provider="us"), Target(model=CHAT, provider="mars"), EU)
    row = asking.run()
    assert row["result"]["provider"] == "eu"
    tier, unknown = (passed["why"] for passed in row["result"]["passed_over"])
    assert "tier 'pro' does not allow" in tier
    assert "no provider 'mars'" in unknown
    assert model.served() == []
    assert len(journaled(asking.cell, "acme")) == 1


def test_an_answer_is_replayed_whatever_the_routes_are_by_now(asking: Asking, model: Rehearsal) -> None:
    """The first run is answered and then fails; before the second nothing may be asked any more."""
    asking.then = [RuntimeError("the worker stumbled")]
    row = asking.run()
    assert (row["state"], row["failures"]) == ("waiting", 1)
    allowed(asking.cell, "another")
    row = asking.again(row)
    assert (row["state"], row["result"]["provider"]) == ("done", "us")
    assert len(model.served()) == 1


@pytest.mark.parametrize("embeds", [False, True])
def test_an_eu_tenants_words_never_leave_the_eu_whatever_is_down(
    asking: Asking, model: Rehearsal, eu: Rehearsal, *, embeds: bool
) -> None:
    resident(asking.cell, "acme", "eu")
    asking.embeds, asking.targets = embeds, (US, EU)
    assert asking.run()["result"]["provider"] == "eu"
    eu.settings(faults=[{"fault": "500", "times": None}])
    row = asking.run()
    assert (row["state"], row["failures"]) == ("waiting", 1)
    for _ in range(FAILURES):
        asking.circuits._failed(Line("eu", "acme"), ProviderFailed("500"), [])
    row = asking.run()
    assert (row["state"], row["failures"]) == ("waiting", 0)
    assert (row["due_at"] - now()).total_seconds() > OPEN_SECONDS / 2
    assert "not called for" in row["error"]
    assert embeds or "nothing may leave eu" in row["error"]
    assert model.served() == []
    assert asking.run(tenant="globex")["result"]["provider"] == "us"


def test_a_tenant_whose_region_nobody_computes_in_is_told_so_and_ends(asking: Asking, model: Rehearsal) -> None:
    resident(asking.cell, "acme", "ch")
    asking.targets = (US, EU)
    row = asking.run()
    assert row["state"] == "discarded"
    assert row["error"].count("nothing may leave ch") == 2
    assert model.served() == []


def test_embeddings_go_to_another_provider_of_the_same_model(asking: Asking, model: Rehearsal, eu: Rehearsal) -> None:
    asking.embeds = True
    model.settings(faults=[{"fault": "500"}])
    row = asking.run()
    assert (row["result"]["provider"], row["result"]["vectors"]) == ("eu", 1)
    assert [passed["provider"] for passed in row["result"]["passed_over"]] == ["us"]


def test_a_rate_limit_gives_the_slot_back_until_it_is_over_and_is_no_failure(asking: Asking, model: Rehearsal) -> None:
    model.settings(faults=[{"fault": "429", "retry_after": 2.0}])
    row = asking.run()
    asked_at = now()
    assert (row["state"], row["failures"]) == ("waiting", 0)
    assert 1.0 < (row["due_at"] - asked_at).total_seconds() < 4.0
    assert "429" in row["error"]
    assert asking.run(tenant="globex")["state"] == "done", "the slot is free for others meanwhile"
    row = asking.again(row)
    assert (row["state"], row["failures"], row["error"]) == ("done", 0, None)
    refused, answered = journaled(asking.cell, "acme")
    assert (answered["intended_at"] - refused["ended_at"]).total_seconds() >= 2.0


def test_calls_that_their_runs_leave_too_little_time_open_no_circuit_by_failing(
    asking: Asking, model: Rehearsal
) -> None:
    model.settings(faults=[{"fault": "500", "times": None}])
    asking.timeout = 100_000.0
    for _ in range(FAILURES + 1):
        assert "not called" not in asking.run()["error"]
    assert model.struck()[0] > FAILURES


@pytest.mark.parametrize("fault", ["500", "hang"])
def test_a_failure_gives_the_slot_back_while_its_job_backs_off(asking: Asking, model: Rehearsal, fault: str) -> None:
    """The one slot there is runs another tenant's job meanwhile, and nobody sleeps in it."""
    model.settings(faults=[{"fault": fault}])
    asking.timeout = 1.0
    row = asking.run()
    assert (row["state"], row["failures"]) == ("waiting", 1)
    assert row["due_at"] > now(), "it waits in the gate"
    asking.timeout = TIMEOUT
    assert asking.run(tenant="globex")["state"] == "done"
    row = asking.again(row)
    assert (row["state"], row["failures"]) == ("done", 1)
    failed, answered = journaled(asking.cell, "acme")
    assert answered["intended_at"] - failed["ended_at"] >= timedelta(seconds=0.4), "half of the first second, at least"


def test_a_provider_that_asks_for_no_wait_is_not_asked_again_at_once(asking: Asking, model: Rehearsal) -> None:
    """It would be asked for ever, as fast as can be: who waits for room has not failed."""
    model.settings(faults=[{"fault": "429", "retry_after": 0.0}])
    row = asking.run()
    (refused,) = journaled(asking.cell, "acme")
    assert (row["state"], row["failures"]) == ("waiting", 0)
    assert (row["due_at"] - refused["ended_at"]).total_seconds() >= 0.5


def test_a_slow_model_and_its_fallback_share_no_time(asking: Asking, model: Rehearsal) -> None:
    """Each call has the whole of its own time, however long the one before took."""
    model.settings(faults=[{"fault": "hang"}])
    asking.targets, asking.timeout = (US, EU), 1.0
    row = asking.run()
    assert (row["state"], row["result"]["provider"]) == ("done", "eu")


@pytest.mark.parametrize("fault", ["401", "quota"])
def test_a_broken_key_of_the_platforms_is_called_by_two_tenants_once_and_all_jobs_wait(
    asking: Asking, model: Rehearsal, fault: str
) -> None:
    model.settings(faults=[{"fault": fault, "times": None}])
    for tenant in ("acme", "acme", "globex", "acme", "globex"):
        row = asking.run(tenant=tenant)
        assert (row["state"], row["failures"]) == ("waiting", 0)
        assert (row["due_at"] - now()).total_seconds() > NO_KEY / 2
    assert model.struck() == [2], "once for each tenant that finds it out; a third would not be asked"
    with pytest.raises(CircuitOpen), asking.circuits.calling(Line("us", "initech")):
        pass
    assert KEYS["us"] not in str(row) + str(journaled(asking.cell, "acme"))


def test_a_circuit_that_is_open_is_passed_over_and_a_probe_closes_it(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(circuit, "OPEN_SECONDS", 0.5)
        for _ in range(FAILURES):
            asking.circuits._failed(Line("us", "acme"), ProviderFailed("500"), [])
    asking.targets = (US, EU)
    assert asking.run()["result"]["provider"] == "eu"
    eventually(lambda: asking.run()["result"]["provider"] == "us", "the circuit is closed")
    assert not asking.circuits._failing

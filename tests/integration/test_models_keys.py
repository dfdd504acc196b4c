"""Tenants' own keys for models: whose they are, where they go, what they cost, and that nobody hears them."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from shared.cell import Cell
from shared.embedded import Servers
from shared.ledger.lost import Lost
from shared.metering.levels import Level, levels
from shared.rehearsal.client import Rehearsal
from shared.stores.postgres import one
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.support.billing import records
from tests.support.providing import CHAT, EU, KEYS, US, Asking, entrusted, provided, revoked
from tests.support.spending import journaled
from workers.metering.reconcile import Asking as AskingLogs
from workers.metering.record import Recorder
from workers.models.call_log import call_logs

ACMES, GLOBEXS = "sk-own-of-acme-0123456789", "sk-own-of-globex-0123456789"


@pytest.fixture
def asking(servers: Servers, model: Rehearsal, eu: Rehearsal) -> Iterator[Asking]:
    """Acme has a key named `live`, globex one named `theirs`; jobs ask with `live`."""
    told = {"call_log_grace_seconds": 0, "prices": {CHAT: {"input": "0.5", "output": "1.5"}}}
    with provided(servers, {"us": model, "eu": eu}, **told) as cell:
        entrusted(cell, "acme", ACMES)
        entrusted(cell, "globex", GLOBEXS, "theirs")
        asking = Asking(cell)
        asking.credential = "live"
        yield asking


def metric(billed_to: str) -> float | None:
    told = {"tier": "pro", "model": CHAT, "billed_to": billed_to}
    return REGISTRY.get_sample_value("headgate_cost_usd_total", told)


def leveled(cell: Cell, tenant: str) -> list[Level]:
    with cell.control.connection() as connection:
        return levels(cell.tenants.get(tenant).budgets, cell.gate.drawn(tenant), one(connection, "SELECT now()")["now"])


def test_a_call_on_a_tenants_own_key_draws_tokens_and_no_money(asking: Asking, model: Rehearsal) -> None:
    """The budget in money would not let a single call of the platform's pass."""
    for limit in ({"usd_day": 1}, {"tokens_hour": 1_000_000}):
        budgets.change_tenant(asking.cell.admin, "acme", Change(limits=limit, over="deny"))
    before = metric("platform")
    row = asking.run()
    assert (row["state"], row["result"]["provider"]) == ("done", "us")
    served = model.total(ACMES)
    assert (served.calls, model.total(KEYS["us"]).calls) == (1, 0)
    (step,) = journaled(asking.cell, "acme")
    assert (step["billed_to"], step["worst_nano"], step["drawn_nano"]) == ("tenant", 0, 0)
    Recorder(asking.cell).record()
    told = {record["meter"]: (record["quantity"], record["cost_nano"]) for record in records(asking.cell)}
    assert told == {"tokens.input": (served.input_tokens, 0), "tokens.output": (served.output_tokens, 0)}
    assert served.input_tokens + served.output_tokens > 0
    (tokens,) = (each for each in leveled(asking.cell, "acme") if each.unit == "tokens")
    assert tokens.drawn == served.input_tokens + served.output_tokens
    assert (metric("platform"), metric("tenant")) == (before, 0.0)


def test_another_tenants_key_is_no_key_and_nothing_is_sent(asking: Asking, model: Rehearsal, eu: Rehearsal) -> None:
    for tenant, theirs in (("globex", "live"), ("acme", "theirs")):
        asking.credential = theirs
        row = asking.run(tenant=tenant)
        assert (row["state"], row["failures"]) == ("waiting", 1)
        assert f"tenant '{tenant}' has no credential '{theirs}'" in row["error"]
        (step,) = journaled(asking.cell, tenant)
        assert (step["state"], step["billed_to"]) == ("failed", "tenant")
    assert (model.served(), eu.served()) == ([], [])


def test_a_revoked_key_is_not_sent_any_more_and_the_next_of_its_name_is(asking: Asking, model: Rehearsal) -> None:
    assert asking.run()["state"] == "done"
    revoked(asking.cell, "acme")
    row = asking.run()
    assert row["state"] == "waiting"
    assert "has no credential 'live'" in row["error"]
    assert model.total(ACMES).calls == 1
    entrusted(asking.cell, "acme", "sk-next-of-acme-0123456789")
    assert asking.again(row)["state"] == "done"
    assert model.total("sk-next-of-acme-0123456789").calls == 1


def test_a_broken_key_of_a_tenants_is_told_plainly_once_and_breaks_nobody_elses(
    asking: Asking, model: Rehearsal
) -> None:
    """The provider says the key aloud, as hostile ones may."""
    model.settings(faults=[{"fault": "401", "times": None, "key": ACMES}])
    broken = asking.run()
    assert (broken["state"], broken["failures"]) == ("waiting", 1)
    assert "the provider refused the key" in broken["error"]
    waiting = asking.run()
    assert (waiting["state"], waiting["failures"]) == ("waiting", 0)
    assert model.struck() == [1]
    asking.credential = "theirs"
    assert asking.run(tenant="globex")["state"] == "done"
    asking.credential = None
    assert asking.run()["state"] == "done"
    assert ACMES not in str((broken, waiting, journaled(asking.cell, "acme")))


def test_a_tenants_key_is_never_told_to_another_provider(asking: Asking, model: Rehearsal, eu: Rehearsal) -> None:
    model.settings(faults=[{"fault": "500", "times": None}])
    asking.targets = (US, EU)
    assert asking.run()["result"]["provider"] == "eu"
    assert (eu.total(ACMES).calls, eu.total(KEYS["eu"]).calls) == (0, 1)
    assert [step["billed_to"] for step in journaled(asking.cell, "acme")] == ["tenant", "platform"]


def test_a_key_that_no_master_key_here_opens_is_waited_for(asking: Asking, model: Rehearsal) -> None:
    with asking.cell.database.transaction("acme") as connection:
        connection.execute("UPDATE tenant.data_keys SET master_key = 'another'")
    row = asking.run()
    assert (row["state"], row["failures"]) == ("waiting", 0)
    assert "add it to HEADGATE_MASTER_KEYS" in row["error"]
    assert model.served() == []


@pytest.mark.parametrize(("credential", "costs"), [(None, True), ("live", False)])
def test_a_lost_call_is_looked_up_with_the_provider_that_served_it(
    asking: Asking, eu: Rehearsal, credential: str | None, *, costs: bool
) -> None:
    eu.settings(faults=[{"fault": "cut"}])
    asking.targets, asking.credential = (EU,), credential
    assert asking.run()["failures"] == 1
    (step,) = journaled(asking.cell, "acme")
    assert (step["state"], step["provider"]) == ("unknown", "eu")
    logs = call_logs(asking.cell.settings)
    lost = Lost(**{name: step[name] for name in Lost.__annotations__ if name != "old"}, old=True)
    known = AskingLogs(logs, asking.cell.prices).about(lost)
    assert known is not None
    assert known.drawn.input == eu.served()[0].input_tokens
    assert (known.nano > 0) == costs
    assert AskingLogs({"us": logs["us"]}, asking.cell.prices).about(lost) is None

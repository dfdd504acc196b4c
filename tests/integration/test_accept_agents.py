"""A turn for an agent that there is not is refused at the door, which is told of new ones as soon as it matters."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from producers.accept import Acceptance
from shared.agents import known
from shared.cell import Cell
from shared.contracts.answers import Accepted, Refused
from shared.errors import NotFound
from shared.stores.postgres import Connection
from shared.tenancy.provision import Provisioning
from tests.support.cells import SCOPES, make_tenant
from tests.support.commands import refused
from tests.support.turning import configure
from tests.support.walking import event


def judged(door: Acceptance, key: str, agent: str) -> Accepted | Refused:
    (verdict,) = door.accept([event("agent.turn", {"conversation": "c", "message": "Hello?", "agent": agent}, key)])
    return verdict.answer


def told(door: Acceptance, key: str, agent: str) -> str:
    answer = judged(door, key, agent)
    assert isinstance(answer, Refused), answer
    assert (answer.data.reason, answer.data.passing) == ("unknown_agent", False)
    return answer.data.message


def test_a_turn_for_an_agent_that_there_is_not_is_refused_with_those_that_there_are(cell: Cell) -> None:
    door, key = Acceptance(cell, "bus"), make_tenant(cell, "acme").secret
    configure(cell, "acme", agent="night")
    make_tenant(cell, "globex")
    configure(cell, "globex", agent="nobody")
    assert told(door, key, "nobody") == "tenant 'acme' has no agent 'nobody': it has default, night"
    assert isinstance(judged(door, key, "night"), Accepted)
    said = refused(cell.settings, "submit", "turn", "--tenant", "acme", "--agent", "nihgt", "Hello?")
    assert "refused (unknown_agent): tenant 'acme' has no agent 'nihgt': it has default, night" in said


def test_a_door_knows_a_new_agent_when_it_is_asked_for(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "PATIENCE", 0.0)
    door, key = Acceptance(cell, "bus"), make_tenant(cell, "acme").secret
    assert isinstance(judged(door, key, "default"), Accepted)
    told(door, key, "night")
    configure(cell, "acme", agent="night")
    assert isinstance(judged(door, key, "night"), Accepted)


def test_a_tenant_without_agents_is_told_how_it_gets_one(cell: Cell) -> None:
    provisioning = Provisioning(cell.admin)
    provisioning.create_tenant("bare", name="Bare", tier="pro")
    key = provisioning.create_key(tenant="bare", scopes=SCOPES).secret
    assert "it has none; `headgate tenant configure bare -f`" in told(Acceptance(cell, "bus"), key, "default")


def test_asking_for_what_is_not_there_costs_one_look_a_second_and_of_many_only_some_are_said(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tenant(cell, "acme")
    for number in range(20):
        configure(cell, "acme", agent=f"bot-{number:02}")
    monkeypatch.setattr(known, "PATIENCE", 60.0)
    agents = known.KnownAgents(cell.database)
    looks: list[str] = []

    @contextmanager
    def looked(tenant: str) -> Iterator[Connection]:
        looks.append(tenant)
        with transaction(tenant) as connection:
            yield connection

    transaction = cell.database.transaction
    monkeypatch.setattr(cell.database, "transaction", looked)
    for number in range(100):
        with pytest.raises(NotFound) as error:
            agents.demand("acme", f"bot-1{number:03}")
    assert looks == ["acme"]
    assert str(error.value).endswith("it has bot-08, bot-09, bot-10, bot-11, bot-12, bot-13 and 15 more")

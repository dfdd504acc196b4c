"""The stage: a machine in a home of its own, a model, and tenants with keys. Everything is cleared away afterwards."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from producers.cli.commands.demo.script import PARTS
from producers.cli.machine import Machine, running, served
from producers.cli.rehearsing import CHAT, rehearsed
from producers.cli.stopping import undisturbed
from producers.client import Headgate
from shared.agents import agents
from shared.agents.configuration import AgentConfiguration
from shared.cell import Cell
from shared.contracts.kinds import Scope
from shared.embedded.home import Home
from shared.embedded.quarters import SHELTER, Quarters
from shared.errors import ConfigurationError
from shared.rehearsal.client import Rehearsal
from shared.settings import Settings
from shared.tenancy.provision import Provisioning

#: Seconds that the rehearsal model thinks before each answer, so that slots are busy and a flood is felt.
LATENCY = 0.15

#: The service that sends all messages, for every tenant and for billing.
SERVICE = "demo"

#: Models of `--real`: that converses, that embeds.
REAL = ("gpt-4.1-mini", "text-embedding-3-small")

#: Addresses that the environment may name and that the demo leaves alone: it brings its own servers.
OURS = ("database_url", "database_admin_url", "database_dispatcher_url", "database_metering_url", "redis_url")
ELSEWHERE = (*OURS, "broker_url", "bus_url", "objects_url", "metrics_port")


@dataclass(frozen=True)
class Stage:
    """`model` is None where a real one answers: nobody else's books to compare with."""

    machine: Machine
    model: Rehearsal | None
    service: Headgate

    @property
    def cell(self) -> Cell:
        return self.machine.cell


@contextmanager
def stage(settings: Settings, *, real: bool, say: Callable[[str], None]) -> Iterator[Stage]:
    """Everything running and everybody there."""
    with ExitStack() as stack:
        home = stack.enter_context(_home())
        own = settings.model_copy(update={"home": home, "embedding_model": REAL[1]} | dict.fromkeys(ELSEWHERE))
        if real and own.openai_api_key is None:
            raise ConfigurationError("a real model wants a key: set OPENAI_API_KEY, or leave --real out")
        own, model = stack.enter_context(served(own, durable=False)), None
        if not real:
            own, model = stack.enter_context(rehearsed(own, latency=LATENCY))
        machine = stack.enter_context(running(own, slots=None, say=say))
        key = _cast(machine.cell, REAL[0] if real else CHAT)
        machine.await_workers()
        service = stack.enter_context(Headgate(machine.cell.bus_url, key, source="/demo", principal=SERVICE))
        yield Stage(machine, model, service)


def _cast(cell: Cell, model: str) -> str:
    """The tenants with their agents; answers the key of the service that acts for them."""
    provisioning = Provisioning(cell.admin)
    for part in PARTS:
        provisioning.create_tenant(part.tenant, name=part.name, tier=part.tier, limits=dict(part.limits or {}))
        with cell.database.transaction(part.tenant) as connection:
            agents.put(connection, part.tenant, "default", AgentConfiguration(model=model))
    scopes = [Scope.TURNS, Scope.KNOWLEDGE, Scope.BILLING]
    return provisioning.create_key(service=SERVICE, acts_for=["*"], scopes=list(scopes)).secret


@contextmanager
def _home() -> Iterator[Path]:
    """A home for one run, gone afterwards with the shelter that its database may have needed."""
    with undisturbed():
        home = Path(tempfile.mkdtemp(prefix="headgate-demo-"))
    try:
        yield home
    finally:
        if shelter := Home(home.resolve()).read(SHELTER, Quarters):
            rmtree(shelter.folder, ignore_errors=True)
        rmtree(home, ignore_errors=True)

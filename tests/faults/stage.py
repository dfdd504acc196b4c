"""Sets the stage of a row."""

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.cell import Cell
from shared.gate.gate import Gate
from shared.gate.scripts import Library
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.rehearsal.settings import RehearsalSettings
from shared.settings import Settings
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.faults.bill import BUDGET
from tests.faults.fault import Fault, Server
from tests.faults.hooks import GATE_CLOCK
from tests.faults.scene import Scene
from tests.faults.traffic import TENANTS, Traffic
from tests.support.cells import LEASE, make_tenant, test_cell
from tests.support.killable import KillablePostgres, KillableRedis, killable_postgres, killable_redis
from tests.support.proxy import Proxy, proxy
from tests.support.warm import Child, Hook, WarmParent, warm_parent
from tests.support.workers import eventually, present

LANES = ("turns.pro", "embed.pro", "ops.pro", "ops.platform")

#: Workers of a row.
WORKERS = 2

#: Seconds that the model takes: a turn of one call is surely inside it when a fault strikes.
LATENCY = 0.2

#: Failures that no job of a row reaches that is struck by chance.
AMPLE = 100

#: How often a worker comes to its point before it kills itself there, at least and at most.
TIMES = (3, 20)

#: The setting by which a worker finds each server.
ADDRESS: Mapping[Server, str] = {"gate": "redis_url", "broker": "broker_url", "postgres": "database_url"}


@dataclass(frozen=True)
class House:
    """What all rows share."""

    postgres: KillablePostgres
    model: Rehearsal
    parent: WarmParent


@contextmanager
def house(log: Path) -> Iterator[House]:
    """`log`: where the workers' own words go."""
    with ExitStack() as stack:
        parent = stack.enter_context(warm_parent(log))
        yield House(stack.enter_context(killable_postgres()), stack.enter_context(rehearsal()), parent)


@contextmanager
def staged(fault: Fault, home: House, *, jobs: int) -> Iterator[Scene]:
    """The stage of this row: its workers ready, its jobs about to arrive."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headgate-faults-")))
        gate = stack.enter_context(killable_redis(folder / "gate"))
        broker = stack.enter_context(killable_redis(folder / "broker"))
        home.model.clear()
        home.model.settings(**{**RehearsalSettings().model_dump(mode="json"), "latency": LATENCY, **fault.model})
        cell = stack.enter_context(_cell(fault, home, folder, gate, broker))
        keys = {tenant: _tenant(cell, tenant) for tenant in TENANTS}
        traffic = Traffic(cell, keys, jobs, rate=fault.rate, by_bus=fault.by_bus, poisoned=fault.poisoned)
        ways = {server: stack.enter_context(proxy(getattr(cell.settings, ADDRESS[server]))) for server in fault.through}
        crew = Crew(fault, home.parent, cell.settings, ways, folder / "told")
        parts = (cell, traffic, home.model, home.postgres, gate, broker, ways, crew.told, crew.worker, crew.door)
        scene = Scene(*parts, crew.chance)
        stack.callback(scene.end)
        for _ in range(WORKERS):
            scene.start_worker()
        if fault.by_bus:
            scene.start_door()
        eventually(lambda: len(present(cell)) >= WORKERS, "the workers are ready")
        yield scene


@contextmanager
def _cell(fault: Fault, home: House, folder: Path, gate: KillableRedis, broker: KillableRedis) -> Iterator[Cell]:
    settings = {
        "broker_url": broker.url,
        "lease_seconds": LEASE,
        "OPENAI_BASE_URL": home.model.url,
        "OPENAI_API_KEY": model_key(fault),
        "call_log_url": home.model.url,
        "call_log_grace_seconds": 1.0,
        "failures_allowed": AMPLE,
        **fault.settings,
    }
    with test_cell(home.postgres.servers(gate.url), folder, **settings) as cell:
        if not fault.gate_clock:
            yield cell
            return
        stepped = Cell(cell.settings)
        vars(stepped)["gate"] = Gate(stepped.redis, cell.settings.cell, library=Library(clock=GATE_CLOCK))
        try:
            yield stepped
        finally:
            stepped.close()


def _tenant(cell: Cell, tenant: str) -> str:
    """A tenant with limits and a budget that bind nobody; answers its key."""
    key = make_tenant(cell, tenant, turns=100, running=100)
    budgets.change_tenant(cell.admin, tenant, Change(limits=BUDGET))
    return key.secret


def model_key(fault: Fault) -> str:
    """Under which the model keeps this row's books."""
    return f"sk-{fault.name}"


class Crew:
    """How this row's workers and doors are made."""

    def __init__(
        self, fault: Fault, parent: WarmParent, settings: Settings, ways: Mapping[Server, Proxy], told: Path
    ) -> None:
        self._fault, self._parent, self._settings, self.told = fault, parent, settings, told
        self._by_way = settings.model_copy(
            update={ADDRESS[server]: way.instead(getattr(settings, ADDRESS[server])) for server, way in ways.items()}
        )
        self.chance = random.Random(fault.name)
        told.touch()

    def worker(self, hooks: Sequence[Hook], armed: bool) -> Child:
        every = [*self._hooks(armed=armed), *hooks]
        return self._parent.worker(self._by_way, LANES, slots=self._fault.slots, pool=self._fault.pool, hooks=every)

    def door(self) -> Child:
        return self._parent.door(self._settings)

    def _hooks(self, *, armed: bool) -> Iterator[Hook]:
        """What the row puts into each of its workers."""
        told = str(self.told)
        if self._fault.point is not None and armed:
            times = self.chance.randint(*TIMES)
            yield "tests.faults.hooks:strike_at", {"point": self._fault.point, "times": times, "told": told}
        if self._fault.poisoned:
            yield "tests.faults.hooks:poisonous", {"told": told}
        if self._fault.gate_clock:
            yield "tests.faults.hooks:gate_clock", {}
        yield from self._fault.hooks

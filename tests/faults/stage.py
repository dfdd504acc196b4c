"""Sets the stage of a row."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.cell import Cell
from shared.gate.gate import Gate
from shared.gate.scripts import Library
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.rehearsal.settings import RehearsalSettings
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.faults.bill import BUDGET
from tests.faults.crew import ADDRESS, Crew
from tests.faults.fault import Fault
from tests.faults.hooks import GATE_CLOCK
from tests.faults.rabbitmq import RABBITMQ, delete_queues, own_tier
from tests.faults.scene import Scene
from tests.faults.traffic import TENANTS, Traffic
from tests.support.cells import LEASE, make_tenant, test_cell
from tests.support.killable import KillablePostgres, KillableRedis, killable_postgres, killable_redis
from tests.support.proxy import proxy
from tests.support.warm import WarmParent, warm_parent
from tests.support.workers import eventually, present

#: Families that a row's workers serve, for tenants of one tier.
FAMILIES = ("turns", "embed", "ops")

#: Workers of a row.
WORKERS = 2

#: Seconds that the model takes: a turn of one call is surely inside it when a fault strikes.
LATENCY = 0.2

#: Failures that no job of a row reaches that is struck by chance.
AMPLE = 100


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
        tier = own_tier(cell) if fault.rabbitmq else "pro"
        lanes = [f"{family}.{tier}" for family in FAMILIES] + ([] if fault.rabbitmq else ["ops.platform"])
        if fault.rabbitmq:
            stack.callback(delete_queues, lanes)
        keys = {tenant: _tenant(cell, tenant, tier) for tenant in TENANTS}
        traffic = Traffic(cell, keys, jobs, rate=fault.rate, by_bus=fault.by_bus, poisoned=fault.poisoned)
        ways = {server: stack.enter_context(proxy(getattr(cell.settings, ADDRESS[server]))) for server in fault.through}
        crew = Crew(fault, home.parent, cell.settings, lanes=lanes, ways=ways, told=folder / "told")
        scene = Scene(cell, traffic, home.model, home.postgres, gate, broker, lanes, ways, crew)
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
        "broker_url": RABBITMQ if fault.rabbitmq else broker.url,
        "bus_url": broker.url,
        "lease_seconds": LEASE,
        "OPENAI_BASE_URL": home.model.url,
        "OPENAI_API_KEY": model_key(fault),
        "call_log_url": home.model.url,
        "call_log_grace_seconds": 1.0,
        "failures_allowed": AMPLE,
        **fault.settings,
    }
    with test_cell(home.postgres.servers(gate.url), folder, **settings) as cell:
        ours = Cell(cell.settings)
        vars(ours)["permits"] = fault.permits(ours.broker_url)
        if fault.gate_clock:
            vars(ours)["gate"] = Gate(ours.redis, cell.settings.cell, library=Library(clock=GATE_CLOCK))
        try:
            yield ours
        finally:
            ours.close()


def _tenant(cell: Cell, tenant: str, tier: str) -> str:
    """A tenant with limits and a budget that bind nobody; answers its key."""
    key = make_tenant(cell, tenant, tier, turns=100, running=100)
    budgets.change_tenant(cell.admin, tenant, Change(limits=BUDGET))
    return key.secret


def model_key(fault: Fault) -> str:
    """Under which the model keeps this row's books."""
    return f"sk-{fault.name}"

"""What a fault may strike: four tenants, workers and doors, a gate and a broker of their own, and ways to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from shared.cell import Cell
from shared.errors import Unavailable
from shared.gate.gate import GateClosed
from shared.rehearsal.client import Rehearsal
from tests.faults.crew import Crew
from tests.faults.fault import Server
from tests.faults.traffic import Traffic
from tests.support.killable import KillablePostgres, KillableRedis
from tests.support.proxy import Proxy
from tests.support.warm import Child, Hook


@dataclass
class Scene:
    """`cell` is the harness's own way to the servers, past every proxy."""

    cell: Cell
    traffic: Traffic
    model: Rehearsal
    postgres: KillablePostgres
    gate: KillableRedis
    broker: KillableRedis
    lanes: Sequence[str]
    #: Proxies between the workers and their servers.
    ways: Mapping[Server, Proxy]
    crew: Crew
    workers: list[Child] = field(default_factory=list)
    doors: list[Child] = field(default_factory=list)
    #: Workers kill themselves at the row's point.
    armed: bool = True
    #: How often the model had struck when it was last looked at.
    struck: int = 0

    @property
    def random(self) -> Random:
        return self.crew.chance

    def start_worker(self, *hooks: Hook) -> None:
        self.workers.append(self.crew.worker(hooks, armed=self.armed))

    def start_door(self) -> None:
        self.doors.append(self.crew.door())

    def tend(self) -> int:
        """Replace each worker that has died, as whoever supervises them does; answers how many had."""
        dead = [worker for worker in self.workers if not worker.alive]
        for worker in dead:
            worker.kill()  # what it left of its children
            self.workers.remove(worker)
            self.start_worker()
        return len(dead)

    def live(self) -> bool:
        """Whether a lease is live somewhere; a gate that is closed or away knows of none."""
        try:
            return any(lane["running"] for lane in list(self.cell.gate.look()["lanes"]))
        except (GateClosed, Unavailable):
            return False

    def kills(self) -> int:
        """How many workers killed themselves since this was last asked."""
        died = len(self.crew.told.read_text().splitlines())
        self.crew.told.write_text("")
        return died

    def strikes_of_the_model(self) -> int:
        """How often the model struck since this was last asked."""
        before, self.struck = self.struck, sum(self.model.struck())
        return self.struck - before

    def end(self) -> None:
        for child in (*self.workers, *self.doors):
            child.kill()

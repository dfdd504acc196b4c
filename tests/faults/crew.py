"""How a row's workers and doors are made."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.settings import Settings
from tests.faults.fault import Fault, Server
from tests.support.proxy import Proxy
from tests.support.warm import Child, Hook, WarmParent

#: How often a worker comes to its point before it kills itself there, at least and at most.
TIMES = (3, 20)

#: The setting by which a worker finds each server.
ADDRESS: Mapping[Server, str] = {"gate": "redis_url", "broker": "broker_url", "postgres": "database_url"}


class Crew:
    """What a row puts into its workers, and by which ways they reach their servers.

    `told`: where a worker that kills itself leaves word. `chance` falls the same each time.
    """

    def __init__(
        self,
        fault: Fault,
        parent: WarmParent,
        settings: Settings,
        *,
        lanes: Sequence[str],
        ways: Mapping[Server, Proxy],
        told: Path,
    ) -> None:
        self._fault, self._parent, self._settings, self._lanes = fault, parent, settings, lanes
        self._by_way = settings.model_copy(
            update={ADDRESS[server]: way.instead(getattr(settings, ADDRESS[server])) for server, way in ways.items()}
        )
        self.told, self.chance = told, random.Random(fault.name)
        told.touch()

    def worker(self, hooks: Sequence[Hook], *, armed: bool) -> Child:
        every = [*self._hooks(armed=armed), *hooks]
        return self._parent.worker(
            self._by_way, self._lanes, slots=self._fault.slots, pool=self._fault.pool, hooks=every
        )

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

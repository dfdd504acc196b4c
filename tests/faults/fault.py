"""What a row of the matrix is made of: how its stage is set, and how it is struck."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from shared.failpoints import Point
from shared.lanes import PermitPublisher
from tests.support.warm import Hook

if TYPE_CHECKING:
    from tests.faults.scene import Scene

#: Strikes once, or looks what has struck by itself; answers how many strikes that makes.
Strike = Callable[["Scene"], int]

#: The servers that workers may reach by way of a proxy.
Server = Literal["gate", "broker", "postgres"]

#: Jobs that arrive in a second: as many as the slots of a row can run, and few.
BUSY, LIGHT = 40.0, 10.0


@dataclass(frozen=True)
class Fault:
    """One row: how it is struck, and what is unusual about its stage."""

    strike: Strike
    #: The row's name; it is the strike's where none is given.
    called: str = ""
    pool: str = "threads"
    #: Jobs that each of the two workers runs at once: with the model's latency, together 40 a second.
    slots: int = 4
    #: The strike only looks at what strikes by itself; that goes on until all is over.
    by_itself: bool = False
    #: Seconds between two strikes; without it a strike waits until jobs end again.
    every: float | None = None
    #: Jobs that arrive in a second.
    rate: float = BUSY
    #: They come as messages, each of them several times.
    by_bus: bool = False
    #: Permits travel by RabbitMQ instead of Redis.
    rabbitmq: bool = False
    #: So many of them kill whoever runs them, and are to end dead.
    poisoned: int = 0
    #: Servers that workers reach by way of a proxy.
    through: Sequence[Server] = ()
    #: Where each worker kills itself, sooner or later.
    point: Point | None = None
    #: The gate's scripts read a clock that can be stepped.
    gate_clock: bool = False
    #: How the door sends permits.
    permits: type[PermitPublisher] = PermitPublisher
    #: What is other in its workers, before they begin.
    hooks: Sequence[Hook] = ()
    #: How the model behaves.
    model: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.called or self.strike.__name__

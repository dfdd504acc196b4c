"""One row of the fault matrix: a real run of turns of four tenants, struck again and again, and what was left of it."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.cell import Cell
from shared.errors import HeadgateError, Unavailable
from shared.stores.postgres import one
from tests.faults import counting
from tests.faults.bill import misheld, reconcile
from tests.faults.counting import Row
from tests.faults.fault import Fault
from tests.faults.scene import Scene
from tests.faults.stage import House, model_key, staged

#: Seconds of work between two strikes, counted from the first job that ended after one; chosen anew each time.
BETWEEN = (0.3, 2.0)

#: Seconds after which a row is struck no more: several recoveries long.
STRUCK = 15.0

#: Seconds in which the work must then be over, and what came of it be sent and billed.
PATIENCE = 90.0

#: Seconds between two looks.
LOOK = 0.05


@dataclass
class Struck:
    """The jobs that each strike met running, and when it was."""

    strikes: list[tuple[datetime, Sequence[UUID]]] = field(default_factory=list)

    def note(self, cell: Cell) -> None:
        running = "SELECT now() AS at, array_agg(job_id) AS jobs FROM tenant.jobs WHERE state = 'running'"
        with cell.dispatcher.connection() as connection:
            row = one(connection, running)
        self.strikes.append((row["at"], row["jobs"] or []))

    def recovery(self, cell: Cell) -> float:
        """The longest time in seconds from a strike until every job that it met was over."""
        with cell.dispatcher.connection() as connection:
            rows = connection.execute("SELECT job_id, finished_at FROM tenant.jobs").fetchall()
        ended = {row["job_id"]: row["finished_at"] for row in rows if row["finished_at"] is not None}
        return max(
            ((ended[job] - at).total_seconds() for at, jobs in self.strikes for job in jobs if job in ended),
            default=0.0,
        )


def run(fault: Fault, home: House, *, jobs: int) -> Row:
    """Let jobs arrive, strike while they run, and count what is left when all are over."""
    with staged(fault, home, jobs=jobs) as scene:
        scene.traffic.start()
        try:
            return _struck(fault, scene, jobs)
        finally:
            scene.traffic.end()


def _struck(fault: Fault, scene: Scene, jobs: int) -> Row:
    struck, cell = Struck(), scene.cell

    def over() -> bool:
        return counting.over(cell) == jobs

    hits = _strike_until(over, fault, scene, struck)
    scene.armed = False
    if fault.by_itself:
        hits += _watched(over, fault, scene, struck, seconds=PATIENCE)
    _within(PATIENCE, lambda: not scene.tend() and over())
    _within(PATIENCE, lambda: reconcile(cell))
    _within(PATIENCE, lambda: not (counting.unsent(cell) or counting.held_at_the_gate(cell) or misheld(cell)))
    recovery = struck.recovery(cell)
    while True:
        try:
            return counting.counted(scene, model_key(fault), jobs, hits, recovery)
        except Unavailable:  # a pool whose server was restarted since it was last used says so once
            threading.Event().wait(LOOK)


def _strike_until(over: Callable[[], bool], fault: Fault, scene: Scene, struck: Struck) -> int:
    """Strike while leases are live, again and again; answers how often."""
    if fault.by_itself:
        return _watched(over, fault, scene, struck, seconds=STRUCK)
    hits, until = 0, time.monotonic() + STRUCK
    while _within(until - time.monotonic(), lambda: scene.live() or over()) and not over():
        struck.note(scene.cell)
        done, begun = counting.over(scene.cell), time.monotonic()
        hits += fault.strike(scene)
        if fault.every is not None:
            _within(begun + fault.every - time.monotonic(), over)
            continue
        _within(PATIENCE, lambda: counting.over(scene.cell) > done)  # noqa: B023 - asked at once
        _within(scene.random.uniform(*BETWEEN), over)
    return hits


def _watched(over: Callable[[], bool], fault: Fault, scene: Scene, struck: Struck, *, seconds: float) -> int:
    """Look what strikes by itself; answers how often it has."""
    hits, until = 0, time.monotonic() + seconds
    while not over() and time.monotonic() < until:
        struck.note(scene.cell)
        met = fault.strike(scene)
        hits += met
        if not met:
            struck.strikes.pop()
        threading.Event().wait(LOOK)
    return hits


def _within(seconds: float, look: Callable[[], bool]) -> bool:
    """Whether it comes true in time. It is no error if it does not: what is missing is counted."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(HeadgateError):  # a server that was struck may not be back yet
            if look():
                return True
        threading.Event().wait(LOOK)
    return False

"""What a worker process is made of: slots that run jobs, a heartbeat, and upkeep.

A thread pool runs its jobs in the worker's main process. A prefork pool runs them in children, each with a host of its
own (`slots=None`); its main process only tells the slots and keeps things up.
"""

import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType

import psutil
import structlog

from shared import bus
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.errors import Unavailable
from shared.lanes import Lane
from shared.ledger.runs import Fenced
from workers import registry
from workers.lease import Heartbeat
from workers.metering.overdue import lose_overdue
from workers.metering.record import Recorder
from workers.run.execution import Executor
from workers.upkeep.changes import Changes
from workers.upkeep.ledger_sweep import sweep_ledger
from workers.upkeep.loop import Loop
from workers.upkeep.observe import observe
from workers.upkeep.prune import Prune
from workers.upkeep.relay import Relay
from workers.upkeep.sweep import sweep

#: Seconds that jobs get to reach their next step once they are to be handed back.
NEXT_STEP = 2.0

log = structlog.get_logger(__name__)


class Host:
    """`slots`: jobs at once, None in a pool's child. `run_on_seconds`: how long an awake slot goes on claiming."""

    def __init__(
        self, cell: Cell, worker: str, lanes: Sequence[str], *, slots: int | None, run_on_seconds: float
    ) -> None:
        self._cell, self._worker = cell, worker
        self._families = {Lane.named(lane).family for lane in lanes}
        self._stopping, self._handing_back = threading.Event(), threading.Event()
        lease_seconds = cell.settings.lease_seconds
        self._heartbeat = Heartbeat(cell.gate, worker, lanes, lease_seconds=lease_seconds, slots=slots)
        self._rooms = registry.load(self._families)
        self._executor = Executor(
            cell,
            self._rooms.__getitem__,
            self._heartbeat,
            worker=worker,
            lanes=lanes,
            run_on_seconds=run_on_seconds,
            stopping=self._stopping,
            handing_back=self._handing_back,
        )
        self._loops = [] if slots is None else self._upkeep()

    def start(self) -> None:
        self._cell.verify()
        self._heartbeat.start()
        for loop in self._loops:
            loop.start()

    def serve(self, lane: str) -> None:
        """Take a permit of this lane."""
        self._executor.serve(lane)

    def stop_within(self, seconds: float) -> None:
        """Claim nothing more; what still runs after `seconds` is handed back, and the process ends."""
        self._stopping.set()
        threading.Thread(target=self._end, args=(seconds,), name="headgate-stop", daemon=True).start()

    def hand_back_on_sigterm(self) -> None:
        """In a pool's child: a SIGTERM hands the running job back and ends the child."""

        def hand_back(_: int, __: FrameType | None) -> None:
            self._stopping.set()
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, hand_back)

    def close(self) -> None:
        """End the upkeep. The heart beats on as long as the process lives: what still runs keeps its lease."""
        for loop in self._loops:
            loop.stop()

    def _end(self, seconds: float) -> None:
        threading.Event().wait(seconds)
        log.warning("handing back what still runs", after=seconds)
        self._handing_back.set()
        for child in psutil.Process().children():
            child.terminate()
        threading.Event().wait(NEXT_STEP)
        for lease in self._heartbeat.held():
            try:
                self._executor.hand_back(lease)
            except (Fenced, Unavailable) as error:
                log.warning("not handed back; its lease runs out", job=str(lease.job), error=str(error))
        os._exit(0)

    def _upkeep(self) -> list[Loop]:
        """Every worker offers to sweep the gate; those that serve ops also keep the ledger, outbox and meters."""
        cell = self._cell
        loops = [Loop("sweep", lambda: sweep(cell, self._worker)), Loop("observe", lambda: observe(cell))]
        if Family.OPS in self._families:
            relay = Relay(cell, bus.connect(cell.bus_url))
            recorder = Recorder(cell)
            loops += [Loop("ledger", lambda: sweep_ledger(cell)), Loop("changes", Changes(cell).sweep)]
            loops += [Loop("relay", relay.relay), Loop("metering", recorder.record)]
            loops += [Loop("overdue", lambda: lose_overdue(cell)), Loop("prune", Prune(cell).prune)]
        return loops

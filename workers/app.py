"""The Celery application: one task per family, each of which takes a permit.

`celery -A workers.app worker -Q turns.pro,turns.enterprise` works as every Celery user expects. The queues hold
permits; whose job a permit starts is decided by the gate when a slot takes it.
"""

import socket
from typing import Any

from celery import Celery, bootsteps, signals

from shared import embedded, ids
from shared.cell import Cell
from shared.contracts.kinds import Family
from shared.errors import ConfigurationError
from shared.lanes import Lane, celery_app, task_name
from shared.settings import Settings, read
from shared.telemetry import logs, metrics
from workers import files
from workers.host import Host
from workers.lease import deadline_of
from workers.waking import Waker

#: On Redis, take a permit only when a slot is free; what is taken early would wait beside free slots elsewhere.
ON_REDIS = {"worker_disable_prefetch": True, "worker_prefetch_multiplier": 1, "task_acks_late": False}

#: On AMQP the same by prefetch 1 and late acknowledgement; a permit that comes again is harmless. A connection on which
#: no heartbeat came for twice as many seconds as told here is lost.
ON_AMQP = {
    "worker_prefetch_multiplier": 1,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "broker_heartbeat": 10,
}

#: Seconds between the soft and the hard end of a child that outlives its family's deadline.
HARD = 10


def build(settings: Settings) -> Celery:
    """A Celery application whose workers run this cell's jobs."""
    broker_url = Cell(settings).broker_url
    app = celery_app(broker_url)
    app.conf.update(ON_AMQP if broker_url.startswith("amqp") else ON_REDIS, worker_hijack_root_logger=False)
    process = WorkerProcess(settings)
    for family in Family:
        _register(app, family, process)
    signals.worker_init.connect(process.prepare, weak=False)
    signals.worker_process_init.connect(process.start_child, weak=False)
    signals.worker_shutting_down.connect(process.shut_down, weak=False)
    app.steps["worker"].add(type("HostStep", (HostStep,), {"process": process}))
    app.steps["consumer"].add(type("WakeStep", (WakeStep,), {"process": process}))
    return app


def _register(app: Celery, family: Family, process: "WorkerProcess") -> None:
    """One task for each family. Its time limit binds on prefork pools, where a child may be ended."""

    @app.task(name=task_name(family), time_limit=int(deadline_of(family)) + HARD, shared=False)
    def take(lane: str) -> None:
        process.take(lane)


class WorkerProcess:
    """The host of this process: a worker's main process, or a child that it forked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = f"{socket.gethostname()}/{ids.new()}"
        self._lanes: list[str] = []
        self._host: Host | None = None
        self.waker = Waker()

    def take(self, lane: str) -> None:
        """Take a permit of this lane."""
        if self._host is not None:
            try:
                self._host.serve(lane)
            finally:
                self.waker.wake()

    def prepare(self, sender: Any, **_: Any) -> None:
        """Before the pool is made: what this worker serves."""
        logs.configure(self._settings.log_level)
        files.allow_many()
        try:
            self._lanes = [str(Lane.named(name)) for name in sender.app.amqp.queues.consume_from]
        except ConfigurationError as error:  # Celery swallows what a signal's receiver raises, but for this
            raise SystemExit(f"cannot serve these queues: {error}") from error

    def start(self, slots: int, *, prefork: bool) -> None:
        """In the main process. A child runs one job per permit, so that the family's time limit bounds that job."""
        run_on = 0.0 if prefork else self._settings.run_on_seconds
        self._host = Host(Cell(self._settings), self._name, self._lanes, slots=slots, run_on_seconds=run_on)
        self._host.start()
        metrics.serve(self._settings)

    def start_child(self, **_: Any) -> None:
        logs.configure(self._settings.log_level)
        self._host = Host(Cell(self._settings), self._name, self._lanes, slots=None, run_on_seconds=0.0)
        self._host.hand_back_on_sigterm()
        self._host.start()

    def shut_down(self, **_: Any) -> None:
        if self._host is not None:
            self._host.stop_within(self._settings.stop_seconds)

    def close(self) -> None:
        if self._host is not None:
            self._host.close()


class HostStep(bootsteps.StartStopStep):
    """Starts the main process's host once the pool is there."""

    requires = ("celery.worker.components:Pool",)
    process: WorkerProcess

    def start(self, worker: Any) -> None:
        self.process.start(worker.concurrency, prefork=worker.pool_cls.__module__.endswith("prefork"))

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - celery's signature
        self.process.close()


class WakeStep(bootsteps.StartStopStep):
    """Lets slots that become free wake the event loop, also of a consumer that starts again after a lost connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    process: WorkerProcess

    def start(self, c: Any) -> None:
        if c.hub is not None:
            self.process.waker.watch(c.hub)


def __getattr__(name: str) -> Celery:
    """`workers.app.app`, made when Celery asks for it: importing this module reads and connects nothing."""
    if name not in ("app", "celery"):
        raise AttributeError(name)
    try:
        made = build(embedded.resolved(read()))
    except ConfigurationError as error:  # Celery shows the traceback of what else is raised here
        raise SystemExit(str(error)) from error
    globals()["app"] = made
    return made

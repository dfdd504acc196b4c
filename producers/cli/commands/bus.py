"""`headgate bus`: the bus door, in this process. Any number may run; one is active and another takes over from it."""

import signal
import threading

import typer

from producers.accept import Acceptance
from producers.bus.door import BusDoor
from producers.cli.helping import ending
from producers.cli.opening import opened
from producers.cli.stopping import SIGNALS
from shared.bus import connect
from shared.telemetry import logs, metrics


def register(app: typer.Typer) -> None:
    app.command(epilog=ending("bus"))(bus)


def bus() -> None:
    """Take jobs from the bus until told to stop; a batch under way is finished first."""
    stopping = threading.Event()
    for number in SIGNALS:
        signal.signal(number, lambda *_: stopping.set())
    cell = opened()
    settings = cell.settings
    logs.configure(settings.log_level)
    cell.verify()
    metrics.serve(settings)
    door = BusDoor(connect(cell.bus_url, refused_kept=settings.refused_kept), Acceptance(cell, "bus"))
    door.serve(stopping)

"""A thread that does one kind of upkeep, round after round, and outlives any round that fails."""

import threading
from collections.abc import Callable

import structlog

from shared.telemetry import metrics

#: Seconds to wait after a round that failed.
AFTER_FAILURE = 1.0

log = structlog.get_logger(__name__)


class Loop:
    """`work` does one round and answers how many seconds may pass before the next."""

    def __init__(self, name: str, work: Callable[[], float]) -> None:
        self._name, self._work = name, work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name=f"headgate-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _go(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            try:
                pause = self._work()
            except Exception as error:  # noqa: BLE001 - a round that fails is counted and tried again; the loop lives
                metrics.UPKEEP_ERRORS.labels(loop=self._name).inc()
                log.warning("upkeep failed; trying again", loop=self._name, error=str(error))
                pause = AFTER_FAILURE

"""The model provider as one run may call it: no longer than a call may take, and no longer than the run may go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.clock import monotonic
from shared.telemetry import metrics
from workers.interruption import Interrupted
from workers.models.bounds import Guard, bounded
from workers.models.clients import Clients
from workers.steps import CallLost

if TYPE_CHECKING:
    from openai import OpenAI


class Provider:
    """Of one run; the clients are the process's."""

    def __init__(self, clients: Clients, guard: Guard) -> None:
        self._clients, self._guard = clients, guard

    @contextmanager
    def call(self, model: str, seconds: float) -> Iterator["OpenAI"]:
        """The SDK, for one call of this model."""
        began, outcome = monotonic(), "failed"
        try:
            sdk = self._clients.openai  # made by the first call of the process, not in that call's time
            with bounded(seconds, self._guard):
                yield sdk
            outcome = "answered"
        except CallLost:
            outcome = "lost"
            raise
        except Interrupted:
            outcome = "stopped"
            raise
        finally:
            metrics.LLM_REQUEST.labels(model=model, outcome=outcome).observe(monotonic() - began)

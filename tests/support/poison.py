"""A probe that kills the process that runs it, and those beside it."""

import os
import signal

from shared.contracts.payloads import Probe
from workers import ops
from workers.outcomes import Outcome
from workers.run.context import Context

#: A probe that is asked to hold its slot for this long does not live so long.
DEADLY = 59.0


def poisonous_probes() -> None:
    """Called in a worker before it begins."""
    harmless = ops.probe

    def probe(context: Context, payload: Probe) -> Outcome:
        if payload.seconds == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return harmless(context, payload)

    ops.probe = probe

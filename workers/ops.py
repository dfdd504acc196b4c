"""`ops.probe`: holds its slot for a while; shows that the whole way is open."""

import threading

from shared.contracts.payloads import Probe
from shared.contracts.results import ProbeResult
from workers.outcomes import Done, Outcome
from workers.run.context import Context


def probe(context: Context, payload: Probe) -> Outcome:
    threading.Event().wait(payload.seconds)
    context.charge(1)
    return Done(ProbeResult(seconds=payload.seconds))

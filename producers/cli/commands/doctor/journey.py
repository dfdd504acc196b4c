"""The whole way, gone once: a job through the cli door, the ledger, the gate, a permit, a worker, and back."""

from collections.abc import Iterator

from producers.cli.commands.doctor.finding import Finding, failed, ok
from producers.cli.door import Job, submit, wait
from shared.cell import Cell
from shared.clock import monotonic
from shared.ledger.states import State
from shared.tenancy.tenants import PLATFORM

#: Seconds for a job that does nothing: longer than a gate needs to repair a lost permit (two sweeps).
PROBE_SECONDS = 10.0


def journey(cell: Cell) -> Iterator[Finding]:
    begun = monotonic()
    job = submit(cell, Job("ops.probe", {}, PLATFORM))
    ended = wait(cell, PLATFORM, [job], seconds=PROBE_SECONDS, tell=lambda *_: None)[job]
    took = f"{(monotonic() - begun) * 1000:.0f} ms"
    if ended.state == State.DONE:
        yield ok("journey", f"a job went the whole way in {took}")
    else:
        yield failed("journey", f"the probe ended as {ended.state}: {ended.error}; see `headgate jobs show {job}`")

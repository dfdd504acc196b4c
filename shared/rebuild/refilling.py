"""Refilling the budgets from the journal, while the gate is closed: what was drawn, and what is held.

The journal is read in one snapshot, taken after the gate has lost its memory, and each paid call is in it once: drawn,
or at its worst case as *intent* or *unknown*. Whatever commits while this reads, or after it, comes out right:

- An outcome or a void that commits after the snapshot is held at its worst case here. It is settled when the gate is
  open: by its worker, or by the recorder, which marks no step as recorded that an open gate has not settled.
- An outcome that the snapshot has is not held, so settling it once more changes nothing.
- An intent that commits after the snapshot is not held. Its worker asks for room before it calls: a closed gate makes
  it void, an open one counts it. An intent that the snapshot has and that asks afterwards finds itself held already.
- A call that was settled before the memory was lost had its outcome committed before that: the snapshot has it.

The weakness: an intent whose worker died before it asked for room counts as held, as if it had got it, until it is
reconciled. It makes the budget tighter, never wider.
"""

from itertools import groupby, islice
from operator import attrgetter

from shared.gate.gate import Gate
from shared.gate.values import Draw, Hold, Lease, Need
from shared.gate.windows import Windows
from shared.ledger import drawing
from shared.ledger.drawing import Uncertain
from shared.stores.postgres import Database

#: Tenants, and calls, per round trip.
BATCH = 500


def refill(gate: Gate, metering: Database, *, epoch: int) -> int:
    """Fill every window and put back every reservation, under the epoch being rebuilt; answers how many calls hold."""
    holding = 0
    with drawing.snapshot(metering) as (drawn, uncertain):
        tenants = groupby(drawn, key=attrgetter("tenant_id"))
        told = ((tenant, {row.window: Draw(row.tokens, row.nanos) for row in rows}) for tenant, rows in tenants)
        while batch := list(islice(told, BATCH)):
            gate.remember(batch, epoch=epoch)
        while calls := list(islice(uncertain, BATCH)):
            gate.hold([_hold(call) for call in calls], epoch=epoch)
            holding += len(calls)
    return holding


def _hold(call: Uncertain) -> Hold:
    """Held for the call, not for a lease: nobody may be running it."""
    nobody = Lease(call.job_id, call.tenant_id, lane="", token=0)
    return Hold(call.call_id, nobody, Need(Draw(call.tokens, call.nanos), Windows.at(call.intended_at)))

"""A worker as in life, whose `ops.probe` leaves one draw to be billed.

    celery -A tests.benchmarks.metered_worker worker -Q ops.NAME

Nothing that Headgate does for a draw of one token is left out but the commit of an intent before the call, for there is
no call: the step goes into the journal in the transaction that ends the run, and the recorder finds it there, prices it
and writes its usage record. What a paid call costs with its intent is `bench_walk`'s to say.
"""

from dataclasses import replace
from unittest import mock

from shared import embedded
from shared.contracts.payloads import Probe
from shared.settings import Settings
from shared.stores.postgres import Connection
from workers import app as product
from workers import ops, registry
from workers.outcomes import Done, Outcome
from workers.run.context import Context

#: One token of a model that the price table knows.
DRAW = """
INSERT INTO tenant.steps (tenant_id, job_id, call_id, place, run, kind, state, input_hash, model, input_tokens,
                          output_tokens, cached_tokens, outcome, ended_at)
VALUES (%s, %s, %s, 'probe', %s, 'tool', 'answered', '', 'rehearsal-1', 1, 0, 0, '{}', now())
"""


def probe(context: Context, payload: Probe) -> Outcome:
    """`ops.probe`, and a draw."""
    run = context.run

    def effects(connection: Connection) -> None:
        connection.execute(DRAW, (run.tenant, run.job, f"{run.job}/probe/{run.number}/1", run.number))

    outcome = ops.probe(context, payload)
    return replace(outcome, effects=effects) if isinstance(outcome, Done) else outcome


mock.patch.dict(registry.ROOMS, {"ops.probe": f"{__name__}:probe"}).start()
app = product.build(embedded.resolved(Settings()))

"""A worker of the gate alone: permits, claims, leases, heartbeat, run-on and sweep as in life; a job is nothing.

    celery -A tests.benchmarks.gate_worker worker -Q turns.NAME

Only `Executor.run` is replaced: no ledger, no room function. What is left is what Headgate puts in the place of
Celery's own round of messages.
"""

from unittest import mock

from shared import embedded
from shared.gate.values import Ending, Lease
from shared.settings import Settings
from tests.benchmarks.tally import Tally
from workers import app as product
from workers import host
from workers.run.execution import Executor

settings = embedded.resolved(Settings())
tally = Tally(str(settings.redis_url))


class GateAlone(Executor):
    def run(self, lease: Lease) -> Ending | None:
        tally.note()
        return Ending(lease, cost=1.0)


mock.patch.object(host, "Executor", GateAlone).start()
app = product.build(settings)

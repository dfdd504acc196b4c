"""How a run begins: the ledger takes its token as the job's fence, and its room gets a context."""

import threading

import psycopg
import structlog
from pydantic import SecretStr, ValidationError

from shared.cell import Cell
from shared.contracts.kinds import KINDS
from shared.contracts.payloads import Payload
from shared.errors import Unavailable
from shared.failpoints import reach
from shared.gate.values import Ending, Lease
from shared.invalid import first_wrong
from shared.ledger import runs
from shared.ledger.runs import AlreadyFinal, Fenced, NotItsTurn, Run
from shared.streams import ends
from shared.tenancy import credentials
from shared.tenancy.tenants import Tenant
from workers.interruption import Interruption
from workers.lease import Heartbeat
from workers.models.registry import Registry
from workers.run.context import Context
from workers.run.events import Events
from workers.run.reservations import Reservations
from workers.run.steps import Steps

#: Seconds before a job is tried again whose ledger or budgets were away: nothing has failed.
AWAY = 2.0

#: Seconds before a job is tried again that this worker cannot read.
UNREAD = 30.0

#: Seconds before a job is tried again that has to wait for another: of its ordering key (rare: the gate lets that go
#: first, once it knows of it), or of those that are suspected to kill their process.
BEHIND = 1.0

log = structlog.get_logger(__name__)


class Starter:
    """Once `handing_back` is set, runs are interrupted at their next step."""

    def __init__(self, cell: Cell, heartbeat: Heartbeat, *, handing_back: threading.Event) -> None:
        self._cell, self._heartbeat, self._handing_back = cell, heartbeat, handing_back
        self._registry = Registry(cell.settings, self._secret, cell.tenants.at_least)

    def start(self, lease: Lease) -> Context | Ending | None:
        """The run's context; or what the gate must be told where there is nothing to run, None where it knows."""
        try:
            tenant = self._cell.tenants.get(lease.tenant)
            run = runs.start(self._cell.database, lease)
            reach("after_start")
            return self._context(run, tenant)
        except AlreadyFinal:
            self.tell_end(lease)
            return Ending(lease, cost=0, how="gone")
        except Fenced:
            return None
        except NotItsTurn as error:
            log.info("job not started", job=str(lease.job), error=str(error))
            return Ending(lease, cost=0, how="retry", after=BEHIND)
        except (Unavailable, psycopg.Error) as error:
            log.warning("job not started", job=str(lease.job), error=str(error))
            return Ending(lease, cost=0, how="retry", after=AWAY)

    def tell_end(self, lease: Lease) -> None:
        """Tell the end of a job that is over on its stream: who ended it may not have lived to, or does not know."""
        try:
            with self._cell.database.transaction(lease.tenant) as connection:
                ends.tell(connection, self._cell.streams, lease.tenant, lease.job)
        except (Unavailable, psycopg.Error) as error:
            log.warning("the end of a job is not told on its stream", job=str(lease.job), error=str(error))

    def _context(self, run: Run, tenant: Tenant) -> Context:
        def steps(context: Context) -> Steps:
            reservations = Reservations(self._cell.gate, self._cell.permits, run.lease)
            parts = (self._cell.database, self._cell.prices, run, reservations)
            return Steps(*parts, guard=context.check, charge=context.charge)

        payload = _payload(run)
        streamed = isinstance(payload, Payload) and payload.streamed
        return Context(
            run,
            tenant,
            payload=payload,
            settings=self._cell.settings,
            database=self._cell.database,
            metering=self._cell.metering,
            objects=self._cell.objects,
            registry=self._registry,
            steps=steps,
            interruption=lambda: self._interruption(run.lease),
            calls_until=lambda: self._heartbeat.calls_until(run.lease),
            events=Events(run, self._cell.streams) if streamed else None,
        )

    def _secret(self, tenant: str, credential: str) -> SecretStr:
        with self._cell.database.transaction(tenant) as connection:
            return credentials.secret(connection, self._cell.vault, tenant, credential)

    def _interruption(self, lease: Lease) -> Interruption | None:
        if not self._heartbeat.alive(lease):
            return Interruption.LOST
        if self._heartbeat.cancelled(lease):
            return Interruption.CANCELLED
        return Interruption.STOPPING if self._handing_back.is_set() else None


def _payload(run: Run) -> Payload | str:
    """What was asked for; or why this worker cannot read it: a later Headgate may have let it in."""
    if run.kind not in KINDS:
        return f"this one knows no {run.kind!r}"
    try:
        return KINDS[run.kind].payload.model_validate(run.payload)
    except ValidationError as error:
        return f"this one cannot read its payload: {first_wrong(error)}"

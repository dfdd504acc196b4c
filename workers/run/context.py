"""What a room function gets: its tenant, its run, and the only ways to write."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared import ids
from shared.clock import monotonic
from shared.contracts.kinds import KINDS
from shared.contracts.payloads import Payload
from shared.errors import HeadgateError
from shared.ledger.jobs import CHILDREN, NewJob
from shared.ledger.runs import Run, fenced_transaction
from shared.ledger.states import StepKind
from shared.settings import Settings
from shared.stores.objects import Objects
from shared.stores.postgres import Connection, Database
from shared.tenancy.tenants import Tenant
from workers.calls import Call
from workers.interruption import Interrupted, Interruption
from workers.models.models import Models
from workers.models.registry import Registry
from workers.run.events import Events, Telling
from workers.run.steps import Steps
from workers.run.unwritten import Unwritten


class Context:
    """A run as its room function sees it. It knows neither Celery nor Redis.

    `payload`: what was asked for; or why this worker cannot read it, being of an older version than the door.
    """

    def __init__(
        self,
        run: Run,
        tenant: Tenant,
        *,
        payload: Payload | str,
        settings: Settings,
        database: Database,
        metering: Database,
        objects: Objects,
        registry: Registry,
        steps: Callable[["Context"], Steps],
        interruption: Callable[[], Interruption | None],
        calls_until: Callable[[], float],
        events: Events | None = None,
    ) -> None:
        self.run, self.tenant, self.payload = run, tenant, payload
        self.settings, self.objects = settings, objects
        self._registry, self.models = registry, Models(self, registry)
        self._database, self._metering = database, metering
        self._interruption, self._calls_until, self._events = interruption, calls_until, events
        self._deadline = monotonic() + (KINDS[run.kind].deadline if run.kind in KINDS else 0.0)
        self.cost, self.has_paid = 0.0, False
        self._steps = steps(self)

    @property
    def seconds_left(self) -> float:
        """Until this run's deadline."""
        return self._deadline - monotonic()

    def check(self) -> None:
        """Raise where the run may not go on; every step asks before it acts."""
        why = self._interruption()
        if why is None and self.seconds_left <= 0:
            why = Interruption.LATE
        if why is not None:
            raise Interrupted(why)

    def calls_until(self) -> float:
        """Until when (monotonic seconds) a call surely may go on, for all that is known now; raises as `check` does."""
        self.check()
        until = self._calls_until()
        if monotonic() >= until:
            raise Interrupted(Interruption.LOST)
        return min(until, self._deadline)

    def past(self, place: str) -> dict[str, Any] | None:
        """What an earlier run was answered at this place; None: this run is the first to come here."""
        return self._steps.past(place)

    def paid(self, place: str, call: Call, *, later: bool = False) -> dict[str, Any]:
        """A paid step (`workers.run.steps`): its outcome, charged to what this run costs."""
        self.has_paid = True
        return self._steps.paid(place, call, later=later)

    def hit(self, place: str, call: Call, outcome: dict[str, Any]) -> dict[str, Any]:
        """A paid step whose outcome is known without the call (a cache hit): on record, at no tokens."""
        return self._steps.hit(place, call, outcome)

    def once(
        self,
        place: str,
        kind: StepKind,
        made_from: Mapping[str, Any],
        make: Callable[[], dict[str, Any]],
        *,
        later: bool = False,
    ) -> Any:
        """A step that costs nothing by itself, journaled so that a replay sees what this run saw."""
        return self._steps.once(place, kind, made_from, make, later=later)

    def acted(
        self, place: str, kind: StepKind, made_from: Mapping[str, Any], outcome: dict[str, Any], *, later: bool = False
    ) -> None:
        """A step that has acted by now: its outcome goes on record also where the run may not go on."""
        self._steps.acted(place, kind, made_from, outcome, later=later)

    def about_to_wait(self) -> None:
        """To be said before anything slow: what waits to be written is; raises as `check` does."""
        self._steps.about_to_wait()

    @property
    def unwritten(self) -> Unwritten:
        """Outcomes that the end of the run must commit."""
        return self._steps.unwritten

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Tell whoever asked for a stream (`workers.run.events`); nothing where nobody did."""
        if self._events is not None:
            self._events.emit(event, data)

    def telling(self, step: str) -> Telling | None:
        """Who tells the words of this step as they come; None where nobody asked for a stream."""
        return None if self._events is None else Telling(self._events, step)

    def secret(self, credential: str) -> str:
        """A key of the tenant's own, as it is at this moment; `NotFound` where the tenant has none of that name."""
        return self._registry.secrets(self.tenant.tenant_id, credential).get_secret_value()

    def charge(self, cost: float) -> None:
        """Add to what this run cost, in its family's unit: what fairness counts."""
        self.cost += cost

    @contextmanager
    def reading(self, *, pipelined: bool = False) -> Iterator[Connection]:
        """A transaction that sees this tenant's rows; for reading. `pipelined`: in one round trip, read afterwards."""
        with self._database.transaction(self.tenant.tenant_id, pipelined=pipelined) as connection:
            yield connection

    @contextmanager
    def metering(self) -> Iterator[Connection]:
        """For platform kinds: a transaction that sees what all tenants drew."""
        if not KINDS[self.run.kind].platform:
            raise HeadgateError(f"{self.run.kind} may not see other tenants' usage: it is not a platform kind")
        with self._metering.transaction() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that may write, for as long as this run holds the job's fence."""
        with fenced_transaction(self._database, self.run.lease) as connection:
            yield connection

    def child(self, kind: str, payload: Payload, *, coalesce_key: str | None = None) -> NewJob:
        """A job that this one asks for; recorded with `Done(children=…)`. The same run asks once for each kind."""
        known = KINDS[kind]
        source, event = f"{CHILDREN}{self.run.job}", f"{kind}/{self.run.number}"
        body = ids.derived(kind, payload.model_dump_json()).bytes
        return NewJob(
            tenant_id=self.tenant.tenant_id,
            job_id=ids.new(),
            source=source,
            event_id=event,
            body_hash=body,
            kind=kind,
            family=known.family,
            payload=payload.model_dump(mode="json", exclude_none=True),
            principal=self.run.principal,
            door="child",
            coalesce_key=coalesce_key,
        )

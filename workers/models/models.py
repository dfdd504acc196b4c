"""`context.models`: asks the models that a tenant's configuration names, in order, until one answers.

Each that is asked is a paid call of its own at the same place of the journal. A call whose answer was lost stays on
record as unknown, and the next target is asked: the user waits for an answer, and the budgets hold both at worst. No
target is asked twice in one run; whether and when a run is made again, the gate decides. What a place was answered is
replayed whatever the routes are by now.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from shared.agents.configuration import Target
from shared.errors import ConfigurationError, HeadgateError
from shared.ledger.states import BilledTo
from shared.providers import WINDOW, Provider
from shared.stores.postgres import Connection
from shared.tenancy.tenants import Tenant
from workers.calls import Call, CallFailed, CallLost, Reply
from workers.models.asker import Asker
from workers.models.circuit import JITTER, KEY_SECONDS, CircuitOpen
from workers.models.failures import KeyRefused, NoKey, RateLimited
from workers.models.provider import OpenProvider
from workers.models.registry import Registry
from workers.models.routing import (
    NO_KEY,
    PassedOver,
    Route,
    Unanswered,
    Withdrawn,
    embedding_routes,
    outside,
    refused,
    routes,
)

if TYPE_CHECKING:
    from workers.models.chat import ChatRequest
    from workers.models.chunks import Listener
    from workers.models.embedding import Vector

#: Seconds that a rate limit is waited for where the provider does not say how long it lasts.
RATE_LIMIT = 5.0

#: Makes the call of a route; the provider is the way there, and the seconds are those that the call may take.
MakeCall = Callable[[OpenProvider, Route, float], Call]

#: Why a tenant may not ask this of these providers; None: it may.
Refuse = Callable[[Tenant, Route, Mapping[str, Provider]], PassedOver | None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asking:
    """How a model is asked. `timeout`: seconds for each call; `later`: its outcome may wait for the next commit."""

    make_call: MakeCall
    refuse: Refuse
    timeout: float
    later: bool = False


class Models:
    """Of one run."""

    def __init__(self, asker: Asker, registry: Registry) -> None:
        self._asker, self._registry, self._tenant = asker, registry, asker.tenant

    def routes(self, targets: Sequence[Target], *, credential: str | None = None) -> list[Route]:
        """The models that may be asked now, in order; circuits are not looked at."""
        candidates = routes(self._tenant, targets, self._registry.providers, credential)
        return [route for route in candidates if isinstance(route, Route)]

    def window(self, target: Target) -> int:
        """Tokens that this model takes in one request, answer included; of an unknown provider, what most take."""
        provider = self._registry.providers.get(target.provider)
        return WINDOW if provider is None else provider.window(target.model)

    def chat(
        self,
        place: str,
        targets: Sequence[Target],
        request: "Callable[[Route], ChatRequest]",
        *,
        credential: str | None = None,
        timeout: float,
        listener: "Listener | None" = None,
    ) -> dict[str, Any]:
        """The first answer (`chat_call`), with `provider`, `model` and those `passed_over`; else `Unanswered`.

        `credential`: a key of the tenant's own for the first target's provider. `timeout`: seconds for each call, which
        is given less where its run has less left.
        """
        from workers.models.chat import chat_call  # noqa: PLC0415 - brings the SDK, which only its users should pay

        def call(provider: OpenProvider, route: Route, seconds: float) -> Call:
            return chat_call(provider, request(route), timeout=seconds, listener=listener)

        candidates = routes(self._tenant, targets, self._registry.providers, credential)
        return self._first_answer(place, candidates, Asking(call, refused, timeout, later=True))

    def embed(
        self,
        place: str,
        model: str,
        texts: Sequence[str],
        *,
        timeout: float,
        keep: "Callable[[Connection, list[Vector]], None] | None" = None,
    ) -> dict[str, Any]:
        """The vectors of these texts (`embedding_call`), by any provider that has the model; else `Unanswered`."""
        from workers.models.embedding import embedding_call  # noqa: PLC0415 - as above

        def call(provider: OpenProvider, _: Route, seconds: float) -> Call:
            return embedding_call(provider, model, texts, timeout=seconds, keep=keep)

        candidates = embedding_routes(self._tenant, model, self._registry.providers)
        return self._first_answer(place, candidates, Asking(call, outside, timeout))

    def _first_answer(self, place: str, candidates: Iterator[Route | PassedOver], asking: Asking) -> dict[str, Any]:
        if (past := self._asker.past(place)) is not None:
            return past
        passed: list[PassedOver] = []
        for route in candidates:
            if isinstance(route, Route):
                try:
                    return self._ask(place, route, asking, passed)
                except (CallFailed, CallLost, CircuitOpen, ConfigurationError, Withdrawn) as error:
                    over = _passed_over(route, error)
            else:
                over = route
            passed.append(over)
            log.warning("a model is passed over", place=place, job=str(self._asker.run.job), **over.shown())
        raise Unanswered(passed)

    def _ask(self, place: str, route: Route, asking: Asking, passed: Sequence[PassedOver]) -> dict[str, Any]:
        self._check(self._tenant.version, route, asking.refuse)  # the call before may have heard of newer terms
        tenant, left = self._tenant.tenant_id, self._asker.seconds_left
        provider = self._registry.provider(route, tenant, self._asker.calls_until)
        call = asking.make_call(provider, route, min(asking.timeout, left))
        shown = {"provider": route.provider, "model": route.model, "passed_over": [each.shown() for each in passed]}

        def make(call_id: str) -> Reply:
            reply = call.make(call_id)
            return replace(reply, outcome=reply.outcome | shown)

        def check(version: int) -> None:
            self._check(version, route, asking.refuse)

        billed_to: BilledTo = "platform" if route.credential is None else "tenant"
        with self._registry.circuits.calling(self._registry.line(route, tenant), hurried=left < asking.timeout):
            paid = replace(call, make=make, provider=route.provider, billed_to=billed_to, check=check)
            return self._asker.paid(place, paid, later=asking.later)

    def _check(self, version: int, route: Route, refuse: Refuse) -> None:
        """Raise `Withdrawn` where the tenant's terms, as of this version at least, do not allow the route any more."""
        if version > self._tenant.version:
            self._tenant = self._registry.tenant(self._tenant.tenant_id, version)
        if (passed := refuse(self._tenant, route, self._registry.providers)) is not None:
            raise Withdrawn(passed)


def _passed_over(route: Route, error: HeadgateError) -> PassedOver:
    """What it means for the run that this model did not answer."""
    after, failed = None, False
    match error:
        case Withdrawn(passed=passed):
            return passed
        case CircuitOpen(after=seconds):
            after = seconds
        case RateLimited(after=seconds):
            least = RATE_LIMIT if seconds is None else seconds
            after = least * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads those who wait, hides nothing
        case NoKey(own=False):
            after = NO_KEY
        case KeyRefused() if route.credential is None:
            after = KEY_SECONDS
        case KeyRefused() | NoKey() | CallLost():
            failed = True
        case CallFailed(retry=True):
            after, failed = error.after, True
    return PassedOver(route.provider, route.model, str(error), after=after, failed=failed)

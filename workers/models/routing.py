"""Which models may answer, in order: what a tenant's configuration asks for, within what it is allowed.

A target is passed over, for a reason that is logged and kept, where it may not be asked or did not answer. What its
words may not leave (`residency`) holds for each alike: no fallback leads out of it, whatever else is down.

A key of the tenant's own goes to the provider that its configuration names it for, the first target's, and to no other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.agents.configuration import Target
from shared.errors import HeadgateError
from shared.providers import DEFAULT, Provider
from shared.tenancy.tenants import Tenant

#: Seconds that a job waits which met a worker without a provider or its key: the next may have it, or be given it.
NO_KEY = 30.0


@dataclass(frozen=True)
class Route:
    """A model that may be asked; `window` in tokens, `credential` a key of the tenant's own, None the platform's."""

    provider: str
    model: str
    window: int
    credential: str | None = None


@dataclass(frozen=True)
class PassedOver:
    """A target that gave no answer. `after`: seconds in which it may; `failed`: that counts as the run's failure.

    With neither, it never will.
    """

    provider: str
    model: str
    why: str
    after: float | None = None
    failed: bool = False

    @property
    def never(self) -> bool:
        return self.after is None and not self.failed

    def shown(self) -> dict[str, Any]:
        """As the turn shows it."""
        return {"provider": self.provider, "model": self.model, "why": self.why}


class Withdrawn(HeadgateError):  # noqa: N818 - it names what happened
    """The tenant's terms have changed since its run began: this model may not be asked any more. Nothing was sent."""

    def __init__(self, passed: PassedOver) -> None:
        super().__init__(passed.why)
        self.passed = passed


class Unanswered(HeadgateError):  # noqa: N818 - it names what happened
    """No model answered. `never`: none ever will; `failed`: the run did; else the job waits `after` seconds."""

    def __init__(self, passed: Sequence[PassedOver]) -> None:
        reasons = "; ".join(f"{each.provider}/{each.model}: {each.why}" for each in passed)
        super().__init__(f"no model answered: {reasons or 'none is named'}")
        self.never = all(each.never for each in passed)
        self.failed = any(each.failed for each in passed)
        waits = [each.after for each in passed if each.after is not None and each.failed == self.failed]
        self.after = min(waits, default=None)


def routes(
    tenant: Tenant, targets: Sequence[Target], providers: Mapping[str, Provider], credential: str | None = None
) -> Iterator[Route | PassedOver]:
    """The targets in order, each once."""
    for target in dict.fromkeys(targets):
        own = credential if target.provider == targets[0].provider else None
        if (passed := refused(tenant, target, providers)) is None:
            passed = _without_key(target, providers[target.provider], own)
        window = providers[target.provider].window(target.model) if target.provider in providers else 0
        yield passed or Route(target.provider, target.model, window, own)


def embedding_routes(tenant: Tenant, model: str, providers: Mapping[str, Provider]) -> Iterator[Route | PassedOver]:
    """Every provider that has this model and a key of the platform's. The platform chose it, so no tier is asked."""
    having = {name: provider for name, provider in providers.items() if provider.has(model)}
    with_key = {name: provider for name, provider in having.items() if provider.api_key is not None}
    for name, provider in (with_key or having).items():
        target = Target(model=model, provider=name)
        passed = outside(tenant, target, providers) or _without_key(target, provider, None)
        yield passed or Route(name, model, provider.window(model))


def refused(tenant: Tenant, target: Target | Route, providers: Mapping[str, Provider]) -> PassedOver | None:
    """Why this tenant's agents may not ask this model."""
    provider = providers.get(target.provider)
    if provider is None:
        why = f"this worker knows no provider {target.provider!r}: add it to HEADGATE_PROVIDERS"
        return PassedOver(target.provider, target.model, why, after=NO_KEY)
    if not provider.has(target.model):
        return PassedOver(target.provider, target.model, "this provider does not have that model")
    if tenant.models is not None and target.model not in tenant.models:
        return PassedOver(target.provider, target.model, f"tier {tenant.tier!r} does not allow this model")
    return outside(tenant, target, providers)


def outside(tenant: Tenant, target: Target | Route, providers: Mapping[str, Provider]) -> PassedOver | None:
    """Why nothing of this tenant's may go to this provider."""
    provider = providers[target.provider]
    if provider.computes_in(tenant.residency):
        return None
    why = f"it computes in {provider.region or 'no region that is named'}, and nothing may leave {tenant.residency}"
    return PassedOver(target.provider, target.model, why)


def _without_key(target: Target, provider: Provider, own: str | None) -> PassedOver | None:
    """Another worker may have the default provider's key; one that is named without a key is for tenants' own."""
    if own is not None or provider.api_key is not None:
        return None
    if target.provider == DEFAULT:
        why = "no key for the model provider: set OPENAI_API_KEY for this worker"
        return PassedOver(target.provider, target.model, why, after=NO_KEY)
    return PassedOver(
        target.provider, target.model, "the platform has no key for it: only tenants with one of their own"
    )

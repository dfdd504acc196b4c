"""What is wrong with what the operator says of a tenant: a tier that there is not, a region where nobody computes.

The rest that is saved is looked at all the same, so that everything is said at once; but not held against what is
wrong, or people would be told of mistakes that they did not make.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from shared.agents.saving.near import asked
from shared.agents.saving.problem import Problem
from shared.providers import Provider
from shared.tenancy.provision import ANYWHERE, Changes
from shared.tenancy.tenants import Tenant


def problems_of_terms(wanted: Changes, tiers: Collection[str], providers: Mapping[str, Provider]) -> Iterator[Problem]:
    """All that keeps these changes from being made; nothing where they may be."""
    tier, region = wanted.get("tier"), wanted.get("residency")
    if tier is not None and tier not in tiers:
        yield Problem(("tier",), f"there is no tier {tier!r}: tiers are {', '.join(tiers)}{asked(tier, tiers)}")
    if region not in (None, ANYWHERE) and not any(provider.computes_in(region) for provider in providers.values()):
        yield Problem(("residency",), f"no known provider computes in {region!r}: {_regions(providers)}")


def without(wanted: Changes, wrong: Sequence[Problem]) -> Changes:
    """Those that can be made."""
    unsound = {problem.path[0] for problem in wrong}
    return cast(Changes, {name: value for name, value in wanted.items() if name not in unsound})


def unbound(tenant: Tenant, wrong: Sequence[Problem]) -> Tenant:
    """The tenant, not held to the tier or the region that it had: it is to have others."""
    unsound = {problem.path[0] for problem in wrong}
    return replace(
        tenant,
        models=None if "tier" in unsound else tenant.models,
        residency=None if "residency" in unsound else tenant.residency,
    )


def _regions(providers: Mapping[str, Provider]) -> str:
    regions = sorted({provider.region for provider in providers.values() if provider.region is not None})
    if not regions:
        return "no provider in HEADGATE_PROVIDERS names its region"
    return f"regions of providers are {', '.join(regions)}"

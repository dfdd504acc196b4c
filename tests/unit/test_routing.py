"""Which targets may be asked: by whom, with which key, where."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from shared.agents.configuration import Target
from shared.gate.limits import Budgets, Limits
from shared.providers import WINDOW, Model, Provider
from shared.settings import Settings
from shared.tenancy.tenants import Tenant
from workers.models.routing import NO_KEY, PassedOver, Route, Unanswered, embedding_routes, routes

KEY = SecretStr("sk-platform")

PROVIDERS = {
    "openai": Provider(api_key=KEY, region="us"),
    "local": Provider(base_url="http://localhost", api_key=KEY, region="eu-west", models={"small": Model(window=8000)}),
    "theirs": Provider(base_url="http://theirs", region="eu"),
    "nowhere": Provider(base_url="http://nowhere", api_key=KEY),
}

LIMITS = Limits(running=1, turns=1, ingest=1, embed=1, ops=1, rate=1, burst=1, backlog=1)

TENANT = Tenant("acme", "Acme", "pro", "active", False, frozenset(), 1, 1.0, 1.0, LIMITS, Budgets())


def target(provider: str, model: str = "gpt") -> Target:
    return Target(model=model, provider=provider)


def only(found: Any) -> Any:
    (one,) = found
    return one


def test_a_target_is_a_route_with_its_window() -> None:
    assert only(routes(TENANT, [target("openai")], PROVIDERS)) == Route("openai", "gpt", WINDOW)
    assert only(routes(TENANT, [target("local", "small")], PROVIDERS)) == Route("local", "small", 8000)


def test_each_target_is_asked_once_and_in_order() -> None:
    asked = [target("nowhere"), target("openai"), target("nowhere"), target("openai", "other")]
    found = [(route.provider, route.model) for route in routes(TENANT, asked, PROVIDERS)]
    assert found == [("nowhere", "gpt"), ("openai", "gpt"), ("openai", "other")]


@pytest.mark.parametrize(
    ("asked", "changes", "why"),
    [
        (target("local"), {}, "does not have that model"),
        (target("openai"), {"models": frozenset({"small"})}, "tier 'pro' does not allow"),
        (target("openai"), {"residency": "eu"}, "computes in us"),
        (target("nowhere"), {"residency": "eu"}, "no region that is named"),
        (target("local", "small"), {"residency": "eu-north"}, "computes in eu-west"),
        (target("theirs"), {}, "the platform has no key"),
    ],
)
def test_what_is_not_allowed_never_works_and_says_why(asked: Target, changes: dict[str, Any], why: str) -> None:
    passed = only(routes(replace(TENANT, **changes), [asked], PROVIDERS))
    assert isinstance(passed, PassedOver)
    assert passed.never
    assert why in passed.why
    assert Unanswered([passed]).never


def test_a_region_holds_what_is_more_precise_and_nothing_that_only_begins_alike() -> None:
    europe = replace(TENANT, residency="eu")
    assert isinstance(only(routes(europe, [target("local", "small")], PROVIDERS)), Route)
    euphoria = {"x": Provider(api_key=KEY, region="euphoria")}
    assert only(routes(europe, [target("x")], euphoria)).never


def test_what_another_worker_may_have_is_waited_for() -> None:
    unknown = only(routes(TENANT, [target("mars")], PROVIDERS))
    keyless = only(routes(TENANT, [target("openai")], Settings(OPENAI_API_KEY=None).every_provider))
    assert (unknown.after, keyless.after) == (NO_KEY, NO_KEY)
    assert "HEADGATE_PROVIDERS" in unknown.why
    assert "OPENAI_API_KEY" in keyless.why


def test_a_tenants_own_key_goes_to_the_first_targets_provider_and_to_no_other() -> None:
    asked = [target("theirs"), target("openai"), target("theirs", "other")]
    found = list(routes(TENANT, asked, PROVIDERS, "live"))
    assert found == [
        Route("theirs", "gpt", WINDOW, "live"),
        Route("openai", "gpt", WINDOW),
        Route("theirs", "other", WINDOW, "live"),
    ]


def test_embeddings_are_asked_of_all_that_have_the_model_whatever_the_tier_allows() -> None:
    bound = replace(TENANT, models=frozenset({"gpt"}))
    assert [route.provider for route in embedding_routes(bound, "small", PROVIDERS)] == ["openai", "local", "nowhere"]
    europe = list(embedding_routes(replace(bound, residency="eu"), "small", PROVIDERS))
    assert [isinstance(route, Route) for route in europe] == [False, True, False]


def test_the_settings_may_say_themselves_what_openai_is() -> None:
    told: dict[str, Any] = {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://here/v1"}
    ours = Settings(**told).every_provider["openai"]
    assert (ours.address, ours.region) == ("http://here/v1", None)
    named = {"openai": {"api_key": "sk-2", "region": "eu"}}
    theirs = Settings(**told, providers=named).every_provider
    assert [(name, one.address, one.region) for name, one in theirs.items()] == [
        ("openai", "https://api.openai.com/v1", "eu")
    ]

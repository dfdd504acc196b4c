"""What tokens cost, in whole nano-dollars."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.metering.prices import Cost, Prices, Tokens, UnknownPrice

AT = datetime(2026, 11, 22, tzinfo=UTC)
KNOWN = "gpt-4o-mini"


def test_a_rehearsal_model_has_a_price() -> None:
    assert Prices({}).cost("rehearsal-1", Tokens(1000, 1000), AT) == Cost(input=500_000, output=1_500_000)


def test_an_operators_price_goes_before_any_other() -> None:
    prices = Prices({KNOWN: {"input": "7", "output": "11"}, "rehearsal-1": {"input": "1", "output": "2"}})
    assert prices.cost(KNOWN, Tokens(1, 1), AT) == Cost(7000, 11_000)
    assert prices.cost("rehearsal-1", Tokens(1, 1), AT) == Cost(1000, 2000)


def test_a_model_of_the_bundled_table_has_its_list_price() -> None:
    assert Prices({}).cost(KNOWN, Tokens(1_000_000, 1_000_000), AT) == Cost(150_000_000, 600_000_000)


def test_tokens_from_the_cache_cost_less() -> None:
    fresh, cached = (Prices({}).cost(KNOWN, Tokens(1_000_000, 0, cached), AT) for cached in (0, 1_000_000))
    assert cached.input == fresh.input / 2


def test_a_model_without_a_price_is_named() -> None:
    with pytest.raises(UnknownPrice, match="no-such-model"):
        Prices({}).cost("no-such-model", Tokens(1, 1), AT)


@pytest.mark.parametrize("model", [KNOWN, "rehearsal-1"])
def test_no_tokens_cost_nothing(model: str) -> None:
    assert Prices({}).cost(model, Tokens(), AT) == Cost(0, 0)


def test_half_a_nano_dollar_is_rounded_to_even() -> None:
    prices = Prices({"m": {"input": "0.0005", "output": "0.0005"}})
    assert [prices.cost("m", Tokens(tokens), AT).input for tokens in (1, 2, 3, 5, 7)] == [0, 1, 2, 2, 4]


@given(tokens=st.integers(0, 10**9), price=st.decimals("0", "1000", places=4))
@settings(database=None)
def test_no_cost_is_off_by_more_than_half_a_nano_dollar(tokens: int, price: Decimal) -> None:
    cost = Prices({"m": {"input": str(price), "output": "0"}}).cost("m", Tokens(tokens), AT)
    assert abs(cost.input - tokens * price * 1000) <= Decimal("0.5")


@pytest.mark.parametrize("model", [KNOWN, "rehearsal-1"])
def test_a_provider_that_reports_more_cached_than_asked_is_still_priced(model: str) -> None:
    cost = Prices({}).cost(model, Tokens(input=10, output=1, cached=20), AT)
    assert cost.input > 0

"""What a model's tokens cost, in integer nano-dollars.

Prices come from the operator's settings, then from Headgate's own rehearsal models, then from the table that
`genai-prices` bundles. A model without a price is refused before it is called: what cannot be billed is not drawn.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot

from shared.errors import ConfigurationError

NANO = Decimal(10) ** 9
MILLION = Decimal(10) ** 6

#: Where the bundled table is asked: by a model's name alone, then as OpenAI's, which is how it knows embedding models.
PROVIDERS = (None, "openai")

#: USD per million tokens of the rehearsal models: of the order of a small model of 2026, so that bills read sensibly.
REHEARSAL = {
    "rehearsal-1": {"input": "0.50", "output": "1.50"},
    "rehearsal-embed": {"input": "0.02", "output": "0"},
}


@dataclass(frozen=True)
class Tokens:
    """Tokens of one call; `cached` are those of `input` that the provider read from its cache."""

    input: int = 0
    output: int = 0
    cached: int = 0

    @property
    def total(self) -> int:
        """In and out alike, as budgets count."""
        return self.input + self.output


#: What a step draws that calls no model.
NOTHING = Tokens()


@dataclass(frozen=True)
class Cost:
    """Nano-dollars, by meter."""

    input: int
    output: int

    @property
    def total(self) -> int:
        return self.input + self.output


class UnknownPrice(ConfigurationError):  # noqa: N818 - named for what is missing
    """No price is known for a model."""


class Prices:
    """`own`: model → {"input": USD per million tokens, "output": …}, as the operator set them."""

    def __init__(self, own: Mapping[str, Mapping[str, str]]) -> None:
        self._own = {**REHEARSAL, **own}

    @property
    def models(self) -> Collection[str]:
        """Those that have a price, as they are called most often: a bundled one may be known by other names too."""
        return self._own.keys() | _bundled()

    def cost(self, model: str, tokens: Tokens, at: datetime) -> Cost:
        """What a call cost at this moment; `UnknownPrice` where nobody knows."""
        if model in self._own:
            price = self._own[model]
            return Cost(_nano(tokens.input * Decimal(price["input"])), _nano(tokens.output * Decimal(price["output"])))
        cached = min(tokens.cached, tokens.input)  # a provider that reports more must not stop the metering
        usage = PricedUsage(input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=cached)
        for provider in PROVIDERS:
            with suppress(LookupError):
                priced = calc_price(usage, model_ref=model, provider_id=provider, genai_request_timestamp=at)
                return Cost(_nano(priced.input_price * MILLION), _nano(priced.output_price * MILLION))
        raise UnknownPrice(f"no price for model {model!r}: add it to HEADGATE_PRICES")


@lru_cache(maxsize=1)
def _bundled() -> frozenset[str]:
    return frozenset(model.id for provider in get_snapshot().providers for model in provider.models)


def _nano(millionths: Decimal) -> int:
    """USD x 10^6 as whole nano-dollars, rounded half to even."""
    return int((millionths * NANO / MILLION).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
